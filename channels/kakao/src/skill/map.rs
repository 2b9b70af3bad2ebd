//! What was made of an answer → a SkillResponse (kakao-naver-chatflow.md §2.3).

use maru_content::limits::{KAKAO_SKILL, SKILL_ALT_TEXT_MAX, SKILL_OUTPUT_BYTES_MAX};
use maru_content::{Action, ActionKind, Bubble, Card, Degraded, Image, text};
use serde_json::{Value, json};

use super::Native;

/// What a picture is called that the bot gives no words for.
const PICTURE: &str = "사진";

/// The answer. `ids` are the numbers of the offers of the pressable actions, in their order.
pub(crate) fn response_of(made: &Degraded, ids: &[Option<u32>], native: Native) -> Value {
    let mut ids = Ids(ids.iter());
    let mut outputs = native.outputs;
    outputs.extend(made.bubbles.iter().map(|bubble| output(bubble, &mut ids)));
    outputs.truncate(KAKAO_SKILL.bubbles_max);
    let mut template = json!({});
    let mut quick: Vec<Value> = native.quick_replies;
    if quick.is_empty() {
        quick = made.quick.iter().map(|action| message(action, ids.of(action))).collect();
    }
    template["outputs"] = outputs.into();
    if !quick.is_empty() {
        template["quickReplies"] = quick.into();
    }
    let mut response = json!({"version": "2.0", "template": template});
    if !native.contexts.is_empty() {
        response["context"] = json!({"values": native.contexts});
    }
    if let Some(data) = native.data {
        response["data"] = data;
    }
    response
}

/// A text, with quick replies below it.
pub(crate) fn text_response(words: &str, quick: &[&str]) -> Value {
    let quick = quick.iter().map(|label| Action::say(*label, *label)).collect();
    let bubbles = vec![Bubble::Text(maru_content::Text::plain(words))];
    response_of(&Degraded { bubbles, quick, ..Degraded::default() }, &[], Native::default())
}

/// Says that the answer comes by a callback. The builder's waiting text may show `data.text`.
pub(crate) fn callback_response(words: &str) -> Value {
    json!({"version": "2.0", "useCallback": true, "data": {"text": words}})
}

/// Gives each action that says something the number of its offer.
struct Ids<'a>(std::slice::Iter<'a, Option<u32>>);

impl Ids<'_> {
    fn of(&mut self, action: &Action) -> Option<u32> {
        if action.says() { self.0.next().copied().flatten() } else { None }
    }
}

fn output(bubble: &Bubble, ids: &mut Ids<'_>) -> Value {
    let output = match bubble {
        Bubble::Text(text) => json!({"simpleText": {"text": text.words}}),
        Bubble::Media(media) => {
            json!({"simpleImage": {"imageUrl": media.url, "altText": alt(media.name.as_deref())}})
        }
        Bubble::Card(one) => {
            let (kind, body) = card(one, ids);
            json!({kind: body})
        }
        Bubble::Carousel(cards) => {
            let cards: Vec<_> = cards.iter().map(|each| card(each, ids)).collect();
            let kind = cards.first().map_or("textCard", |(kind, _)| *kind);
            let items: Vec<Value> = cards.into_iter().map(|(_, body)| body).collect();
            json!({"carousel": {"type": kind, "items": items}})
        }
    };
    let size = serde_json::to_vec(&output).map_or(usize::MAX, |text| text.len());
    if size <= SKILL_OUTPUT_BYTES_MAX {
        return output;
    }
    // Nothing at all would be shown of one that is too large; it is its addresses that make it so.
    let words = bubble.words();
    let words = if words.is_empty() { PICTURE } else { &words };
    json!({"simpleText": {"text": text::cut(words, KAKAO_SKILL.text_max)}})
}

fn card(card: &Card, ids: &mut Ids<'_>) -> (&'static str, Value) {
    let mut body = json!({});
    if let Some(title) = &card.title {
        body["title"] = title.as_str().into();
    }
    if !card.text.is_empty() {
        body["description"] = card.text.as_str().into();
    }
    let kind = match &card.image {
        Some(image) => {
            body["thumbnail"] = thumbnail(image, card.link.as_deref());
            "basicCard"
        }
        None => "textCard",
    };
    if !card.actions.is_empty() {
        body["buttons"] = card.actions.iter().map(|action| button(action, ids)).collect();
    }
    (kind, body)
}

fn thumbnail(image: &Image, link: Option<&str>) -> Value {
    let mut thumbnail = json!({"imageUrl": image.url, "altText": alt(image.alt.as_deref())});
    if let Some(link) = link {
        thumbnail["link"] = json!({"web": link});
    }
    thumbnail
}

fn alt(words: Option<&str>) -> String {
    text::cut(words.unwrap_or(PICTURE), SKILL_ALT_TEXT_MAX).into_owned()
}

fn button(action: &Action, ids: &mut Ids<'_>) -> Value {
    match action.kind {
        ActionKind::Say | ActionKind::Post => message(action, ids.of(action)),
        ActionKind::Open => {
            json!({"label": action.label, "action": "webLink", "webLinkUrl": action.text})
        }
        ActionKind::Call => {
            json!({"label": action.label, "action": "phone", "phoneNumber": action.text})
        }
    }
}

/// Always `message`, never `block`: no block of the builder is known here.
fn message(action: &Action, offer: Option<u32>) -> Value {
    let label = &action.label;
    let mut button = json!({"label": label, "action": "message", "messageText": label});
    if let Some(offer) = offer {
        button["extra"] = json!({"maru": offer});
    }
    button
}
