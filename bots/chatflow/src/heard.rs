//! What is read of a user's activity. Pure. A member of another type than expected counts as absent.

use maru_activity::{Account, Links};
use maru_hall::{HANDOFF_STATUS, Meta};
use maru_scenario::limits::CONTENT_BYTES_MAX;
use maru_scenario::{ContentKind, UserMessage};
use serde::Deserialize as _;
use serde_json::{Map, Value};

/// An activity's JSON object, taken apart.
#[derive(Debug, Default)]
pub(crate) struct Heard(Map<String, Value>);

impl Heard {
    pub(crate) fn read(body: &[u8]) -> Self {
        Self(serde_json::from_slice(body).unwrap_or_default())
    }

    /// The id of whoever said it.
    pub(crate) fn sender(&self) -> &str {
        self.0.get("from").and_then(|from| from.get("id")?.as_str()).unwrap_or_default()
    }

    /// The id of whoever came, other than this one.
    pub(crate) fn newcomer(&self, other_than: &str) -> Option<String> {
        let added = self.0.get("membersAdded").and_then(Value::as_array);
        let mut added = added.into_iter().flatten().filter_map(|m| Account::deserialize(m).ok());
        added.find(|member| member.id != other_than).map(|member| member.id)
    }

    /// Whether a human has served the user, if this is an event that says they have not or are done
    /// (the Bot Framework's `handoff.status`). Whose event it is, is the caller's to look at.
    pub(crate) fn handoff_ended(&self) -> Option<bool> {
        if self.text("name") != Some(HANDOFF_STATUS) {
            return None;
        }
        match self.0.get("value").and_then(|value| value.get("state")?.as_str())? {
            "completed" => Some(true),
            "failed" => Some(false),
            _ => None,
        }
    }

    /// What the scenario hears: the text, or what a pressed button brings, or else the first file.
    /// `None`: there is nothing in it.
    pub(crate) fn message(&self, meta: &Meta, links: &dyn Links) -> Option<UserMessage> {
        if let Some(said) = self.said(meta.shown.as_deref()) {
            return Some(UserMessage::text(said));
        }
        let attachments = self.0.get("attachments").and_then(Value::as_array);
        let mut files = attachments.into_iter().flatten().filter_map(|file| {
            // Only what Maru itself put there is a reference; of anyone else it is just a text.
            media(file, meta.blobs.then_some(links))
        });
        files.next()
    }

    /// The text; of a pressed button that says none, what it brings, or what stood on it. Choices are
    /// known by their labels and by their values.
    fn said(&self, shown: Option<&str>) -> Option<String> {
        let is_there = |text: &&str| !text.trim().is_empty();
        let value = self.0.get("value").and_then(Value::as_str);
        let said = self.text("text").filter(is_there).or(value.filter(is_there));
        said.or(shown.filter(is_there)).map(str::to_owned)
    }

    /// What the channel itself has put beside it.
    pub(crate) fn channel_data(&self) -> Option<&Value> {
        self.0.get("channelData")
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }
}

/// A picture, film or sound, or any other file as the text of its address.
fn media(attachment: &Value, links: Option<&dyn Links>) -> Option<UserMessage> {
    let url = attachment.get("contentUrl")?.as_str()?;
    let blob = links.and_then(|links| Some(links.link(url.strip_prefix("blob:")?)));
    let content = blob.unwrap_or_else(|| url.to_owned());
    let is_web = content.starts_with("http://") || content.starts_with("https://");
    if !is_web || content.len() > CONTENT_BYTES_MAX {
        return None;
    }
    let media_type = attachment.get("contentType").and_then(Value::as_str).unwrap_or("");
    let kind = match media_type.split('/').next().unwrap_or("") {
        "image" => ContentKind::Photo,
        "video" => ContentKind::Video,
        "audio" => ContentKind::Audio,
        _ => ContentKind::Text,
    };
    Some(UserMessage { kind, ..UserMessage::text(content) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    struct Hosted;
    impl Links for Hosted {
        fn link(&self, blob: &str) -> String {
            format!("http://h/{blob}")
        }
    }

    fn heard(activity: &Value) -> Heard {
        Heard::read(activity.to_string().as_bytes())
    }

    fn message(activity: &Value, shown: Option<&str>) -> Option<(ContentKind, String)> {
        let meta = Meta { shown: shown.map(str::to_owned), blobs: true, ..Meta::default() };
        let message = heard(activity).message(&meta, &Hosted)?;
        Some((message.kind, message.content))
    }

    #[test]
    fn a_text_goes_before_a_press_and_a_press_before_a_file() {
        use ContentKind::{Photo, Text, Video};
        let file = json!([{"contentType": "image/png", "contentUrl": "blob:b1"}]);
        for (activity, shown, expected) in [
            (json!({"text": "hi", "value": "v", "attachments": file}), None, (Text, "hi")),
            (json!({"text": " ", "value": "v"}), Some("Label"), (Text, "v")),
            (json!({"value": {"a": 1}}), Some("Label"), (Text, "Label")),
            (json!({"attachments": file}), None, (Photo, "http://h/b1")),
            (
                json!({"attachments": [{"contentUrl": 3}, {"contentType": "video/mp4",
                    "contentUrl": "https://x/v.mp4"}]}),
                None,
                (Video, "https://x/v.mp4"),
            ),
            (
                json!({"attachments": [{"contentType": "application/pdf", "contentUrl": "https://x/a"}]}),
                None,
                (Text, "https://x/a"),
            ),
        ] {
            let (kind, content) = expected;
            assert_eq!(message(&activity, shown), Some((kind, content.to_owned())), "{activity}");
        }
        for nothing in [json!({}), json!({"text": 3}), json!({"value": {"a": 1}}), json!([1])] {
            assert_eq!(message(&nothing, None), None, "{nothing}");
        }
    }

    #[test]
    fn references_of_others_are_none() {
        let activity =
            json!({"attachments": [{"contentType": "image/png", "contentUrl": "blob:b1"}]});
        assert_eq!(heard(&activity).message(&Meta::default(), &Hosted), None);
    }

    #[test]
    fn who_came_and_how_a_handoff_ended() {
        let came =
            heard(&json!({"membersAdded": [{"id": "bot"}, {"id": "u1"}], "from": {"id": "u1"}}));
        assert_eq!((came.newcomer("bot").as_deref(), came.sender()), (Some("u1"), "u1"));
        assert_eq!(heard(&json!({"membersAdded": [{"id": "bot"}]})).newcomer("bot"), None);
        let status = |state: &str| {
            let event = json!({"name": "handoff.status", "value": {"state": state}});
            heard(&event).handoff_ended()
        };
        assert_eq!(status("completed"), Some(true));
        assert_eq!(status("failed"), Some(false));
        assert_eq!(status("accepted"), None);
        assert_eq!(
            heard(&json!({"name": "other", "value": {"state": "failed"}})).handoff_ended(),
            None
        );
    }
}
