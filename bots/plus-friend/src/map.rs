//! What a partner answered, in Maru's own language. Pure and total.
//!
//! | Plus Friend | activity |
//! |---|---|
//! | `text` | `text`, as plain text |
//! | `photo` | an attachment |
//! | `message_button` | a hero card with a button that opens the address |
//! | `keyboard` of buttons | suggested actions, each of which says its label |
//! | `keyboard` of text, or none | nothing: every channel lets a user write |
//!
//! The answer itself stays beside the activity, for channels that speak the protocol.

use maru_activity::{Account, Draft, Kind};
use maru_hall::{Meta, Native, Said};
use serde_json::{Value, json};

use crate::KIND;
use crate::photo::Picture;
use crate::wire::keyboard::Keyboard;
use crate::wire::message::Answer;

/// A partner's answer. `reply_to`: what it answers.
pub(crate) fn answer(
    from: &Account,
    answer: &Answer,
    picture: Option<&Picture>,
    reply_to: &str,
) -> Option<Said> {
    let mut draft = message(from, answer.message.text.as_deref());
    let mut attachments: Vec<Value> = picture.map(attachment).into_iter().collect();
    attachments.extend(answer.message.message_button.as_ref().map(|button| {
        json!({
            "contentType": "application/vnd.microsoft.card.hero",
            "content": {"buttons": [{"type": "openUrl", "title": button.label, "value": button.url}]},
        })
    }));
    if !attachments.is_empty() {
        draft.set_value("attachments", &attachments);
    }
    if let Some(keyboard) = &answer.keyboard {
        suggest(&mut draft, keyboard);
    }
    draft.set_text("replyToId", reply_to);
    let body = serde_json::to_value(answer).ok()?;
    let meta = Meta {
        blobs: matches!(picture, Some(Picture::Kept { .. })),
        native: Some(Native { protocol: KIND.to_owned(), body }),
        ..Meta::default()
    };
    Some(Said { activity: draft.finish().ok()?, meta })
}

/// Something that the server itself says. `None`: there is nothing to say. `reply_to` is given only for
/// what a client can see: some hold an answer back until the activity it answers has come.
pub(crate) fn notice(
    from: &Account,
    text: &str,
    keyboard: Option<&Keyboard>,
    reply_to: Option<&str>,
) -> Option<Said> {
    if text.is_empty() {
        return None;
    }
    let mut draft = message(from, Some(text));
    if let Some(keyboard) = keyboard {
        suggest(&mut draft, keyboard);
    }
    if let Some(id) = reply_to {
        draft.set_text("replyToId", id);
    }
    let meta = Meta { system: true, ..Meta::default() };
    Some(Said { activity: draft.finish().ok()?, meta })
}

fn message(from: &Account, text: Option<&str>) -> Draft<'static> {
    let mut draft = Draft::new(&Kind::Message);
    draft.set_value("from", from);
    if let Some(text) = text {
        draft.set_text("textFormat", "plain");
        draft.set_text("text", text);
    }
    draft
}

fn suggest(draft: &mut Draft<'_>, keyboard: &Keyboard) {
    let action = |label: &String| json!({"type": "imBack", "title": label, "value": label});
    let actions: Vec<Value> = keyboard.labels().iter().map(action).collect();
    if !actions.is_empty() {
        draft.set_value("suggestedActions", &json!({"to": [], "actions": actions}));
    }
}

fn attachment(picture: &Picture) -> Value {
    match picture {
        Picture::Kept { id, format } => {
            let name = format!("photo.{}", format.extension());
            json!({"contentType": format.content_type(), "contentUrl": format!("blob:{id}"), "name": name})
        }
        Picture::Linked { url } => {
            // What it is was not seen; every client takes it for a picture.
            json!({"contentType": "image/jpeg", "contentUrl": url, "name": "photo"})
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::{self, Mode};

    fn said(body: &Value, picture: Option<&Picture>) -> (Value, Meta) {
        let read = read::answer(body.to_string().as_bytes(), None, Mode::Lenient).read.unwrap();
        let from = Account { id: "b".to_owned(), ..Account::default() };
        let said = answer(&from, &read, picture, "c|0000001").unwrap();
        (serde_json::from_slice(&said.activity.body).unwrap(), said.meta)
    }

    #[test]
    fn each_part_has_its_place() {
        let body = json!({
            "message": {
                "text": "*hi*",
                "photo": {"url": "https://p/x.png", "width": 640, "height": 480},
                "message_button": {"label": "go", "url": "https://p/"},
            },
            "keyboard": {"type": "buttons", "buttons": ["처음으로", "취소하기"]},
        });
        let picture = Picture::Linked { url: "https://p/x.png".to_owned() };
        let (activity, meta) = said(&body, Some(&picture));
        assert_eq!(
            activity,
            json!({
                "type": "message", "from": {"id": "b"}, "textFormat": "plain", "text": "*hi*",
                "replyToId": "c|0000001",
                "attachments": [
                    {"contentType": "image/jpeg", "contentUrl": "https://p/x.png", "name": "photo"},
                    {"contentType": "application/vnd.microsoft.card.hero", "content": {"buttons": [
                        {"type": "openUrl", "title": "go", "value": "https://p/"}]}},
                ],
                "suggestedActions": {"to": [], "actions": [
                    {"type": "imBack", "title": "처음으로", "value": "처음으로"},
                    {"type": "imBack", "title": "취소하기", "value": "취소하기"}]},
            })
        );
        let native = meta.native.unwrap();
        assert_eq!((native.protocol.as_str(), native.body), ("plus-friend", body));
        assert!(!meta.blobs && !meta.system);
    }

    #[test]
    fn a_text_keyboard_suggests_nothing_and_a_notice_is_the_servers() {
        let (activity, _) =
            said(&json!({"message": {"text": "a"}, "keyboard": {"type": "text"}}), None);
        assert_eq!(activity.get("suggestedActions"), None);
        let from = Account::default();
        assert!(notice(&from, "", Some(&Keyboard::Text), None).is_none());
        let said = notice(&from, "a", None, None).unwrap();
        assert!(said.meta.system && said.meta.native.is_none());
    }
}
