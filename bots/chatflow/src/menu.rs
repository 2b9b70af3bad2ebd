//! A turn with buttons as a scenario's menu of the web chat (web-chat-desk.md §1.5): beside the portable
//! message stands the same in the words of `nxchat.v1`. Pure.

use maru_activity::{Activity, Draft, Limits};
use maru_chatflow::Told;
use maru_hall::{Meta, Native};
use maru_scenario::{Bubble, Keyboard};
use serde::Deserialize;
use serde_json::{Value, json};

/// The protocol of the web chat's own words.
const PROTOCOL: &str = "nxchat";

/// What leads back to the beginning, and where that is.
const HOME: &str = "HOME";
const ROOT: &str = "CHAT_ROOT";

/// What leads to the next page of a long menu, and how many buttons one page has (web-chat-desk.md A34).
const NEXT: &str = "NEXT";
const PAGE: usize = 10;

/// The scenario's code, which a reply gives back (web-chat-desk.md A31).
const SCENARIO: &str = "CHAT";

/// What stands beside the last message of a turn. `name` is the bot's; `is_root` says that the turn began
/// at the entry node.
pub(crate) fn beside(told: &Told, name: &str, is_root: bool) -> Meta {
    let menu = told.parts().ok().and_then(|(bubbles, keyboard)| {
        let Keyboard::Buttons { buttons } = keyboard else { return None };
        // A menu has no place for a picture: then the portable message says more.
        let bubble = bubbles.last().filter(|bubble| bubble.image.is_none())?;
        let menu_id = if is_root { ROOT.to_owned() } else { node_of(told)? };
        Some(menu(bubble, &buttons, name, &menu_id))
    });
    Meta { native: menu.map(|content| native(&content, 0)), ..Meta::default() }
}

/// A menu's page as it stands beside the message. Which page it is, is nobody's on the wire.
fn native(content: &Value, page: usize) -> Native {
    Native { protocol: PROTOCOL.to_owned(), body: json!({ "content": content, "page": page }) }
}

/// The menu of a message with its next page, after the last one its first; `None` if the message has no
/// menu, or one that is shown whole. The portable message has all buttons on every page, and is said
/// again as it was, in answer to `reply_to`.
pub(crate) fn next_page(body: &[u8], beside: &Meta, reply_to: &str) -> Option<(Activity, Meta)> {
    let shown = beside.native.as_ref().filter(|native| native.protocol == PROTOCOL)?;
    let mut content = shown.body.get("content").filter(|it| it["TYPE"] == "SCENARIO")?.clone();
    let mut draft = Draft::parse(body, &Limits::default()).ok()?;
    let offered: Offered = draft.read("suggestedActions")?;
    let labels: Vec<String> = offered.actions.into_iter().map(|action| action.value).collect();
    if labels.len() <= PAGE {
        return None;
    }
    let page = shown.body["page"].as_u64().and_then(|page| usize::try_from(page).ok())?;
    let page = (page + 1) % labels.len().div_ceil(PAGE);
    let menu_id = content["MESSAGE"]["MENU_ID"].as_str()?.to_owned();
    let buttons = buttons(&labels, page, &menu_id);
    content["MESSAGE"]["COUNT_BUTTONS"] = buttons.len().into();
    content["MESSAGE"]["BUTTONS"] = buttons.into();
    draft.set_text("replyToId", reply_to);
    let meta = Meta { native: Some(native(&content, page)), ..Meta::default() };
    Some((draft.finish().ok()?, meta))
}

/// The keyboard of a message, as `maru_chatflow::said` writes it.
#[derive(Deserialize)]
struct Offered {
    actions: Vec<OfferedAction>,
}

#[derive(Deserialize)]
struct OfferedAction {
    value: String,
}

/// Whether a user's activity is a press on the way back to the beginning.
pub(crate) fn leads_home(channel_data: Option<&Value>) -> bool {
    is_press(channel_data, HOME, ROOT)
}

/// Whether a user's activity is a press on the way to a menu's next page.
pub(crate) fn leads_on(channel_data: Option<&Value>) -> bool {
    is_press(channel_data, NEXT, NEXT)
}

fn is_press(channel_data: Option<&Value>, keyword: &str, menu_id: &str) -> bool {
    let Some(reply) = channel_data.and_then(|data| data.get("scenario")) else { return false };
    reply["KEYWORD"] == keyword && reply["MENU_ID"] == menu_id
}

fn node_of(told: &Told) -> Option<String> {
    #[derive(Deserialize)]
    struct Node {
        id: String,
    }
    serde_json::from_str::<Node>(told.turn.get()).ok().map(|node| node.id)
}

fn menu(bubble: &Bubble, labels: &[String], name: &str, menu_id: &str) -> Value {
    let buttons = buttons(labels, 0, menu_id);
    let mut tail = vec![json!({"KEYWORD": HOME, "MENU_ID": ROOT})];
    if labels.len() > PAGE {
        tail.push(json!({"KEYWORD": NEXT, "MENU_ID": NEXT}));
    }
    json!({
        "TYPE": "SCENARIO",
        "NAME": name,
        "MESSAGE": {
            "SCENARIO": SCENARIO,
            "KEYWORD": if menu_id == ROOT { HOME } else { menu_id },
            "MENU_ID": menu_id,
            "TITLE": name,
            "TYPE": "CONTENT",
            "NAME": name,
            "URL": bubble.link.as_ref().map_or("", |link| link.url.as_str()),
            "DESC": bubble.text,
            "COUNT_BUTTONS": buttons.len(),
            "BUTTONS": buttons,
            "COUNT_TAIL": tail.len(),
            "TAIL": tail,
        },
    })
}

/// The buttons of a page, counted from 0.
fn buttons(labels: &[String], page: usize, menu_id: &str) -> Vec<Value> {
    let labels = labels.iter().skip(page * PAGE).take(PAGE);
    let button = |label| json!({"KEYWORD": label, "MENU_ID": menu_id, "TITLE": label, "TEXT": ""});
    labels.map(button).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_menu_has_true_counts_and_a_way_home() {
        let bubble = Bubble {
            text: "환영합니다.\n무엇을 도와드릴까요?".to_owned(),
            ..Bubble::default()
        };
        let labels = ["솔루션".to_owned(), "직원".to_owned()];
        let root = menu(&bubble, &labels, "넥서스", ROOT);
        let message = &root["MESSAGE"];
        assert_eq!((&root["TYPE"], &message["KEYWORD"]), (&json!("SCENARIO"), &json!(HOME)));
        assert_eq!((&message["COUNT_BUTTONS"], &message["COUNT_TAIL"]), (&json!(2), &json!(1)));
        assert_eq!(
            message["BUTTONS"][0],
            json!({"KEYWORD": "솔루션", "MENU_ID": ROOT, "TITLE": "솔루션", "TEXT": ""})
        );
        assert_eq!(message["DESC"], bubble.text);
        let deeper = menu(&bubble, &labels, "넥서스", "solution");
        assert_eq!(deeper["MESSAGE"]["TAIL"], json!([{"KEYWORD": HOME, "MENU_ID": ROOT}]));
        assert_eq!(deeper["MESSAGE"]["MENU_ID"], "solution");
    }

    /// A message with these buttons as the log has it, and what stands beside it.
    fn said(labels: &[String]) -> (Vec<u8>, Meta) {
        let bubble =
            Bubble { text: "무엇을 도와드릴까요?".to_owned(), ..Bubble::default() };
        let content = menu(&bubble, labels, "넥서스", "solution");
        let actions: Vec<Value> = labels.iter().map(|label| json!({ "value": label })).collect();
        let body = json!({"type": "message", "text": bubble.text, "replyToId": "c|1",
            "suggestedActions": {"actions": actions}});
        (body.to_string().into(), Meta { native: Some(native(&content, 0)), ..Meta::default() })
    }

    #[test]
    fn a_long_menu_is_turned_page_by_page_and_begins_again() {
        let labels: Vec<String> = (1..=23).map(|n| format!("메뉴 {n}")).collect();
        let (mut body, mut beside) = said(&labels);
        for (first, count) in [(0, 10), (10, 10), (20, 3), (0, 10)] {
            let content = &beside.native.as_ref().unwrap().body["content"];
            let message = &content["MESSAGE"];
            let keywords: Vec<&str> = message["BUTTONS"]
                .as_array()
                .unwrap()
                .iter()
                .map(|button| button["KEYWORD"].as_str().unwrap())
                .collect();
            assert_eq!(keywords, labels[first..first + count]);
            assert_eq!(
                (&message["COUNT_BUTTONS"], &message["COUNT_TAIL"]),
                (&json!(count), &json!(2))
            );
            assert_eq!(message["TAIL"][1], json!({"KEYWORD": NEXT, "MENU_ID": NEXT}));
            assert_eq!((&message["MENU_ID"], content.get("page")), (&json!("solution"), None));
            let (activity, next) = next_page(&body, &beside, "c|9").unwrap();
            let said: Value = serde_json::from_slice(&activity.body).unwrap();
            assert_eq!(said["suggestedActions"]["actions"].as_array().map(Vec::len), Some(23));
            assert_eq!(said["replyToId"], "c|9");
            (body, beside) = (activity.body.to_vec(), next);
        }
    }

    #[test]
    fn a_menu_of_ten_has_one_page_and_what_is_no_menu_has_none() {
        let labels: Vec<String> = (1..=10).map(|n| n.to_string()).collect();
        let (body, beside) = said(&labels);
        let message = &beside.native.as_ref().unwrap().body["content"]["MESSAGE"];
        assert_eq!(message["TAIL"], json!([{"KEYWORD": HOME, "MENU_ID": ROOT}]));
        assert!(next_page(&body, &beside, "c|9").is_none());
        assert!(next_page(&body, &Meta::default(), "c|9").is_none());
        let mut odd = beside;
        odd.native.as_mut().unwrap().body["content"] = json!({"type": "text", "message": "x"});
        assert!(next_page(&body, &odd, "c|9").is_none());
    }

    #[test]
    fn only_the_way_home_leads_home() {
        let reply = |keyword: &str, menu: &str| json!({"scenario": {"SCENARIO": "CHAT", "KEYWORD": keyword, "MENU_ID": menu}});
        assert!(leads_home(Some(&reply(HOME, ROOT))));
        assert!(!leads_home(Some(&reply(HOME, "solution"))));
        assert!(!leads_home(Some(&reply("솔루션", ROOT))));
        assert!(!leads_home(Some(&json!({"scenario": 3}))) && !leads_home(None));
        assert!(leads_on(Some(&reply(NEXT, NEXT))) && !leads_on(Some(&reply(NEXT, ROOT))));
    }
}
