//! Buttons, and what is to be chosen from.

use serde_json::{Value, json};

use super::Portable;
use super::read::{Members, first_objects, first_text, heading, object, objects, shown, text};

/// A button as a card action: a press says the payload and shows the title. `None`: it has neither.
pub(super) fn action(button: &Members) -> Option<Value> {
    let url = first_text(button, &["url", "link"]);
    let title = first_text(button, &["title", "text", "label", "name"]);
    let kind = first_text(button, &["type", "content_type"]).unwrap_or("postback");
    if let Some(url) = url.filter(|_| !matches!(kind, "postback" | "text")) {
        return Some(json!({"type": "openUrl", "title": title.unwrap_or(url), "value": url}));
    }
    let payload = ["payload", "value", "postback"].iter().find_map(|name| button.get(*name));
    let payload = payload.map(payload_text).filter(|payload| !payload.is_empty());
    if kind == "phone_number" || kind == "call" {
        let number = payload?;
        let value = if number.starts_with("tel:") { number } else { format!("tel:{number}") };
        return Some(json!({"type": "call", "title": title.unwrap_or(&value), "value": value}));
    }
    let said = first_text(button, &["renderMessage", "renderMsg"]);
    choice(title, payload.as_deref(), said)
}

/// Something to press, by what is shown and what is said.
fn choice(title: Option<&str>, payload: Option<&str>, said: Option<&str>) -> Option<Value> {
    let title = title.or(payload)?;
    let payload = payload.unwrap_or(title);
    let shown = said.unwrap_or(title);
    Some(if payload == shown {
        json!({"type": "imBack", "title": title, "value": payload})
    } else {
        json!({"type": "messageBack", "title": title, "text": payload, "displayText": shown})
    })
}

/// A payload may be an object; some templates put the whole postback in the value's place.
fn payload_text(value: &Value) -> String {
    let nested = value.as_object().and_then(|inner| inner.get("value").or(inner.get("payload")));
    shown(nested.unwrap_or(value))
}

/// The buttons of a card or a template.
pub(super) fn buttons(members: &Members) -> Vec<Value> {
    let mut buttons: Vec<Value> = objects(members, "buttons").filter_map(action).collect();
    if let Some(button) = object(members, "button") {
        buttons.extend(action(button));
    }
    buttons
}

pub(super) fn quick_replies(payload: &Members) -> Portable {
    let replies = first_objects(payload, &["quick_replies", "buttons", "elements"]);
    let actions = replies.into_iter().filter_map(action).collect();
    Portable { text: heading(payload), actions, ..Portable::default() }
}

/// A list to choose one or more from. Several cannot be chosen at once elsewhere: each is said alone.
pub(super) fn options(payload: &Members) -> Portable {
    let elements = first_objects(payload, &["radioOptions", "elements", "options", "items"]);
    let options = elements.into_iter().flat_map(|element| {
        // `advanced_multi_select` has its options in groups.
        let group: Vec<_> = objects(element, "collection").collect();
        if group.is_empty() { vec![element] } else { group }
    });
    let mut actions: Vec<Value> = options.filter_map(option).collect();
    if actions.is_empty() {
        actions = buttons(payload);
    }
    Portable { text: heading(payload), actions, ..Portable::default() }
}

fn option(option: &Members) -> Option<Value> {
    let postback = object(option, "postback").unwrap_or(option);
    let title = first_text(option, &["title", "text", "label"]);
    let payload = ["value", "payload"].iter().find_map(|name| postback.get(*name)).map(shown);
    let said = text(postback, "title");
    choice(title, payload.as_deref().filter(|payload| !payload.is_empty()), said)
}

/// A rating: its own steps if they are listed, else one to five.
pub(super) fn feedback(payload: &Members) -> Portable {
    let lists = ["starArrays", "smileyArrays", "numbersArrays", "thumpsUpDownArrays", "elements"];
    let steps = first_objects(payload, &lists);
    let mut actions: Vec<Value> = steps.into_iter().filter_map(step).collect();
    if actions.is_empty() {
        let steps = (1..=5).map(|step| step.to_string());
        actions = steps.filter_map(|step| choice(Some(&step), None, None)).collect();
    }
    Portable { text: heading(payload), actions, ..Portable::default() }
}

fn step(step: &Members) -> Option<Value> {
    let name = first_text(step, &["reviewText", "title", "text"]);
    let names = ["value", "starId", "smileyId", "numberId", "thumpUpId"];
    let value = names.iter().find_map(|name| step.get(*name)).map(shown);
    choice(name, value.as_deref().filter(|value| !value.is_empty()), None)
}

pub(super) fn like_dislike(payload: &Members) -> Portable {
    let actions = buttons(payload);
    let actions = if actions.is_empty() {
        ["Like", "Dislike"].into_iter().filter_map(|word| choice(Some(word), None, None)).collect()
    } else {
        actions
    };
    Portable { text: heading(payload), actions, ..Portable::default() }
}
