//! What is read of a user's activity, as items for a partner. Pure. A member of another type than
//! expected counts as absent.

use maru_activity::{Account, Links};
use maru_hall::Handed;
use serde::Deserialize as _;
use serde_json::{Map, Value};

use crate::config::SendMediaAs;
use crate::limits::{CONTENT_BYTES_MAX, ITEMS_MAX};
use crate::wire::message::ContentKind;

/// An activity's JSON object, taken apart.
#[derive(Debug, Default)]
pub(crate) struct Heard(Map<String, Value>);

/// One text or one file: what one `/message` call carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) kind: ContentKind,
    pub(crate) content: String,
}

impl Heard {
    pub(crate) fn read(body: &[u8]) -> Self {
        Self(serde_json::from_slice(body).unwrap_or_default())
    }

    /// Who said it.
    pub(crate) fn from(&self) -> Account {
        self.0.get("from").and_then(|from| Account::deserialize(from).ok()).unwrap_or_default()
    }

    /// Who came, other than this one.
    pub(crate) fn newcomer(&self, other_than: &str) -> Option<Account> {
        let added = self.0.get("membersAdded").and_then(Value::as_array);
        let mut added = added.into_iter().flatten().filter_map(|m| Account::deserialize(m).ok());
        added.find(|member| member.id != other_than)
    }

    /// What they did with the bot as a contact: `add` or `remove`.
    pub(crate) fn action(&self) -> Option<&str> {
        self.0.get("action")?.as_str()
    }

    /// What the partner is sent: the text, then each file. With `links`, references of Maru's own
    /// become links. Nothing is sent of a text that is blank: no KakaoTalk client sends one.
    pub(crate) fn items(
        &self,
        handed: &Handed,
        links: Option<&dyn Links>,
        media: SendMediaAs,
    ) -> Vec<Item> {
        let mut items = Vec::with_capacity(1);
        let said = self.said(handed.meta.shown.as_deref());
        if !said.trim().is_empty() {
            let content = beginning(&said).to_owned();
            items.push(Item { kind: ContentKind::Text, content });
        }
        let attachments = self.0.get("attachments").and_then(Value::as_array);
        let files = attachments.into_iter().flatten().filter_map(|file| item(file, links, media));
        items.extend(files.take(ITEMS_MAX - items.len()));
        items
    }

    /// The text; of a pressed button that says none, its label, or what it brings.
    fn said(&self, shown: Option<&str>) -> String {
        let text = self.0.get("text").and_then(Value::as_str).filter(|text| !text.is_empty());
        match (text.or(shown), self.0.get("value")) {
            (Some(text), _) => text.to_owned(),
            (None, Some(Value::String(text))) => text.clone(),
            (None, None | Some(Value::Null)) => String::new(),
            (None, Some(value)) => value.to_string(),
        }
    }
}

fn item(attachment: &Value, links: Option<&dyn Links>, media: SendMediaAs) -> Option<Item> {
    let url = attachment.get("contentUrl")?.as_str()?;
    let blob = links.and_then(|links| Some(links.link(url.strip_prefix("blob:")?)));
    let content = blob.unwrap_or_else(|| url.to_owned());
    let is_web = content.starts_with("http://") || content.starts_with("https://");
    if !is_web || content.len() > CONTENT_BYTES_MAX {
        return None;
    }
    let kind = attachment.get("contentType").and_then(Value::as_str).unwrap_or("");
    let kind = match (kind.split('/').next().unwrap_or(""), media) {
        ("image", _) => ContentKind::Photo,
        ("video", SendMediaAs::Native) => ContentKind::Video,
        ("audio", SendMediaAs::Native) => ContentKind::Audio,
        _ => ContentKind::Text,
    };
    Some(Item { kind, content })
}

/// As much of a text as partners were ever sent.
fn beginning(text: &str) -> &str {
    maru_content::text::head_bytes(text, CONTENT_BYTES_MAX)
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

    fn items(
        activity: &Value,
        shown: Option<&str>,
        media: SendMediaAs,
    ) -> Vec<(ContentKind, String)> {
        let mut handed = crate::outbound::tests::handed("message", activity);
        handed.meta.shown = shown.map(str::to_owned);
        let heard = Heard::read(&handed.body);
        let items = heard.items(&handed, Some(&Hosted), media);
        items.into_iter().map(|item| (item.kind, item.content)).collect()
    }

    #[test]
    fn a_text_and_each_file_are_items() {
        use ContentKind::{Audio, Photo, Text, Video};
        let activity = json!({"text": "look", "attachments": [
            {"contentType": "image/png", "contentUrl": "blob:b1"},
            {"contentType": "video/mp4", "contentUrl": "https://x/v.mp4"},
            {"contentType": "audio/m4a", "contentUrl": "https://x/a.m4a"},
            {"contentType": "application/pdf", "contentUrl": "https://x/d.pdf"},
            {"contentType": "image/png", "contentUrl": "https://x/fifth.png"},
        ]});
        let texts = |kinds: [ContentKind; 5]| {
            let urls =
                ["look", "http://h/b1", "https://x/v.mp4", "https://x/a.m4a", "https://x/d.pdf"];
            kinds.into_iter().zip(urls.map(str::to_owned)).collect::<Vec<_>>()
        };
        let native = items(&activity, None, SendMediaAs::Native);
        assert_eq!(native, texts([Text, Photo, Video, Audio, Text]));
        let text = items(&activity, None, SendMediaAs::Text);
        assert_eq!(text, texts([Text, Photo, Text, Text, Text]));
    }

    #[test]
    fn a_press_sends_its_label_and_nothing_blank_is_sent() {
        let said = |activity: Value, shown| {
            let items = items(&activity, shown, SendMediaAs::Native);
            items.into_iter().next().map(|(_, content)| content)
        };
        assert_eq!(said(json!({"text": "a", "value": 1}), Some("b")).as_deref(), Some("a"));
        assert_eq!(said(json!({"value": {"x": 1}}), Some("b")).as_deref(), Some("b"));
        assert_eq!(said(json!({"value": "v"}), None).as_deref(), Some("v"));
        for nothing in [
            json!({}),
            json!({"text": " \n"}),
            json!({"text": 7, "value": null}),
            json!({"attachments": [{"contentType": "x", "content": {}}, 7,
                {"contentType": "image/png", "contentUrl": "data:image/png;base64,AAAA"}]}),
        ] {
            assert_eq!(said(nothing.clone(), None), None, "{nothing}");
        }
    }

    #[test]
    fn no_more_is_sent_than_a_client_could_say() {
        for (length, sent) in [(3_999, 3_999), (4_000, 4_000), (4_001, 4_000), (4_000_000, 4_000)] {
            assert_eq!(beginning(&"a".repeat(length)).len(), sent);
        }
        // Three bytes a syllable, and nine where it is taken apart.
        assert_eq!(beginning(&"가".repeat(1_334)).len(), 3_999);
        let apart = "\u{1100}\u{1161}\u{11a8}".repeat(445);
        let kept = beginning(&apart);
        assert_eq!((kept.len() % 9, kept.len()), (0, 3_996));
    }
}
