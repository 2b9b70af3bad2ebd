//! What was made of a message → events of the send API (kakao-naver-chatflow.md §3.3).

use maru_content::limits::{NAVER_TALKTALK, TALKTALK_CODE_MAX};
use maru_content::{Action, ActionKind, Bubble, Card, Degraded, text};
use serde_json::{Value, json};

use crate::wire::HUMANS;

/// The three contents that an event may have, exactly one at a time.
const CONTENTS: [&str; 3] = ["textContent", "imageContent", "compositeContent"];

/// What a card is called that has a picture and no words.
const PICTURE: &str = "사진";

/// The events that show it, one a bubble; the quick replies are the last one's.
pub(crate) fn events_of(made: &Degraded) -> Vec<Value> {
    let mut events: Vec<Value> = made.bubbles.iter().map(event).collect();
    let buttons: Vec<Value> = made.quick.iter().map(button).collect();
    if !buttons.is_empty()
        && let Some(last) = events.last_mut()
    {
        for name in CONTENTS {
            if let Some(content) = last.get_mut(name) {
                content["quickReply"] = json!({"buttonList": &buttons});
            }
        }
    }
    events
}

/// The same bubble without its pictures, for where TalkTalk cannot show one.
pub(crate) fn without_pictures(bubble: &Bubble) -> Value {
    let words = bubble.words();
    let words = if words.is_empty() { PICTURE } else { &words };
    text_event(&text::cut(words, NAVER_TALKTALK.text_max))
}

/// A text.
pub(crate) fn text_event(words: &str) -> Value {
    json!({"event": "send", "textContent": {"text": words}})
}

/// That somebody is writing, for ten seconds.
pub(crate) fn typing() -> Value {
    json!({"event": "action", "options": {"action": "typingOn"}})
}

/// Gives the user to a human.
pub(crate) fn pass_thread() -> Value {
    json!({"event": "handover", "options": {"control": "passThread", "targetId": HUMANS}})
}

/// What the bot says in TalkTalk's own words: `channelData.naver` with exactly one content.
pub(crate) fn native(body: &[u8]) -> Option<Value> {
    let said: Value = serde_json::from_slice(body).ok()?;
    let own = said.get("channelData")?.get("naver")?.as_object()?;
    let mut contents = CONTENTS.iter().filter(|name| own.get(**name).is_some_and(Value::is_object));
    let (name, None) = (contents.next()?, contents.next()) else { return None };
    let mut event = json!({"event": "send"});
    event[*name] = own.get(*name)?.clone();
    if let Some(notification) = own.get("options").and_then(|o| o.get("notification")?.as_bool()) {
        event["options"] = json!({"notification": notification});
    }
    Some(event)
}

fn event(bubble: &Bubble) -> Value {
    match bubble {
        Bubble::Text(text) => text_event(&text.words),
        Bubble::Media(media) => {
            json!({"event": "send", "imageContent": {"imageUrl": media.url}})
        }
        Bubble::Card(card) => composites(std::slice::from_ref(card)),
        Bubble::Carousel(cards) => composites(cards),
    }
}

fn composites(cards: &[Card]) -> Value {
    // A picture alone is no composite: it needs two of its parts, and words are one of them.
    if let [Card { image: Some(image), title: None, actions, text, .. }] = cards
        && actions.is_empty()
        && text.is_empty()
    {
        return json!({"event": "send", "imageContent": {"imageUrl": image.url}});
    }
    let list: Vec<Value> = cards.iter().map(composite).collect();
    json!({"event": "send", "compositeContent": {"compositeList": list}})
}

fn composite(card: &Card) -> Value {
    let mut composite = json!({});
    let mut title = card.title.clone();
    if title.is_none() && card.text.is_empty() {
        let alt = card.image.as_ref().and_then(|image| image.alt.as_deref());
        title = Some(alt.unwrap_or(PICTURE).to_owned());
    }
    let parts =
        [title.is_some(), !card.text.is_empty(), card.image.is_some(), !card.actions.is_empty()];
    if parts.iter().filter(|there| **there).count() < 2 {
        // Words alone count as one part: their beginning is the title too.
        let words = title.as_deref().unwrap_or(&card.text);
        let first = words.lines().next().unwrap_or(words);
        let max = NAVER_TALKTALK.card.map_or(0, |card| card.title_max);
        composite["description"] = words.into();
        composite["title"] = text::cut(first, max).into();
    } else {
        if let Some(title) = title {
            let max = NAVER_TALKTALK.card.map_or(0, |card| card.title_max);
            composite["title"] = text::cut(&title, max).into();
        }
        if !card.text.is_empty() {
            composite["description"] = card.text.as_str().into();
        }
    }
    if let Some(image) = &card.image {
        composite["image"] = json!({"imageUrl": image.url});
    }
    if !card.actions.is_empty() {
        composite["buttonList"] = card.actions.iter().map(button).collect();
    }
    composite
}

/// A button. Its code is what the bot is told; one that is too long for that is looked up by the
/// title.
fn button(action: &Action) -> Value {
    match action.kind {
        ActionKind::Open | ActionKind::Call => {
            let url = &action.text;
            json!({"type": "LINK", "data": {"title": action.label, "url": url, "mobileUrl": url}})
        }
        ActionKind::Say | ActionKind::Post => {
            let mut data = json!({"title": action.label});
            if action.text != action.label && text::length(&action.text) <= TALKTALK_CODE_MAX {
                data["code"] = action.text.as_str().into();
            }
            json!({"type": "TEXT", "data": data})
        }
    }
}
