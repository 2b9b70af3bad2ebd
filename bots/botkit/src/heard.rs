//! What is read of an activity. A member of another type than expected counts as absent.

use maru_activity::{Account, Links};
use serde::Deserialize as _;
use serde_json::{Map, Value, json};

/// An activity's JSON object, taken apart.
#[derive(Debug, Default)]
pub(crate) struct Heard(Map<String, Value>);

impl Heard {
    pub(crate) fn read(body: &[u8]) -> Self {
        Self(serde_json::from_slice(body).unwrap_or_default())
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    pub(crate) fn member(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub(crate) fn value(&self) -> Option<&Value> {
        self.0.get("value").filter(|value| !value.is_null())
    }

    pub(crate) fn from(&self) -> Account {
        self.0.get("from").and_then(|from| Account::deserialize(from).ok()).unwrap_or_default()
    }

    /// Who came, other than this one.
    pub(crate) fn newcomer(&self, other_than: &str) -> Option<Account> {
        let added = self.0.get("membersAdded").and_then(Value::as_array);
        let mut added = added.into_iter().flatten().filter_map(|m| Account::deserialize(m).ok());
        added.find(|member| member.id != other_than)
    }

    /// What the user said, as a bot is to understand it: the text; of a pressed button that says
    /// nothing, what it brings.
    pub(crate) fn said(&self) -> String {
        match (self.text("text"), self.value()) {
            (Some(text), _) => text.to_owned(),
            (None, Some(Value::String(text))) => text.clone(),
            (None, Some(value)) => value.to_string(),
            (None, None) => String::new(),
        }
    }

    /// The files, as Kore lists them. With `links`, references of Maru's own become links.
    pub(crate) fn attachments(&self, links: Option<&dyn Links>) -> Vec<Value> {
        let attachments = self.0.get("attachments").and_then(Value::as_array);
        let attachments = attachments.into_iter().flatten();
        attachments.filter_map(|attachment| file(attachment, links)).collect()
    }
}

fn file(attachment: &Value, links: Option<&dyn Links>) -> Option<Value> {
    let url = attachment.get("contentUrl")?.as_str()?;
    let blob = links.and_then(|links| Some((links, url.strip_prefix("blob:")?)));
    let (id, url) = match blob {
        Some((links, id)) => (id, links.link(id)),
        None => (url, url.to_owned()),
    };
    let media = attachment.get("contentType").and_then(Value::as_str).unwrap_or("");
    let kinds = ["image", "audio", "video"];
    let kind = kinds.into_iter().find(|kind| media.split('/').next() == Some(kind));
    let kind = kind.unwrap_or("attachment");
    let name = attachment.get("name").and_then(Value::as_str).unwrap_or("file");
    Some(json!({
        "fileId": id, "fileName": name, "fileType": kind, "fileUrl": url, "url": {"fileUrl": url},
    }))
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_press_that_says_nothing_says_what_it_brings() {
        for (activity, said) in [
            (json!({"text": "hi", "value": 1}), "hi"),
            (json!({"text": "", "value": "v"}), "v"),
            (json!({"value": {"a": 1}}), r#"{"a":1}"#),
            (json!({"text": 7}), ""),
            (json!([]), ""),
        ] {
            assert_eq!(heard(&activity).said(), said);
        }
    }

    #[test]
    fn files_have_links_only_where_the_reference_is_our_own() {
        let activity = json!({"attachments": [
            {"contentType": "image/png", "contentUrl": "blob:b1", "name": "a.png"},
            {"contentType": "text/x", "contentUrl": "http://x/y"}, {"content": {}}, 7,
        ]});
        let files = heard(&activity).attachments(Some(&Hosted));
        assert_eq!(files.len(), 2);
        assert_eq!(
            (&files[0]["fileUrl"], &files[0]["fileType"]),
            (&json!("http://h/b1"), &json!("image"))
        );
        assert_eq!(
            (&files[1]["fileName"], &files[1]["fileType"]),
            (&json!("file"), &json!("attachment"))
        );
        assert_eq!(heard(&activity).attachments(None)[0]["fileUrl"], "blob:b1");
    }

    #[test]
    fn the_bots_own_coming_brings_nobody() {
        let came = |ids: &[&str]| {
            let added: Vec<_> = ids.iter().map(|id| json!({"id": id})).collect();
            heard(&json!({"membersAdded": added})).newcomer("b").is_some()
        };
        assert!(came(&["b", "u"]) && came(&["u"]));
        assert!(!came(&["b"]) && !came(&[]));
    }
}
