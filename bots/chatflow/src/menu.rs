//! A turn with buttons as a scenario's menu of the web chat (web-chat-desk.md §1.5): beside the portable
//! message stands the same in the words of `nxchat.v1`. Pure.

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
    let native = menu.map(|content| Native {
        protocol: PROTOCOL.to_owned(),
        body: json!({ "content": content }),
    });
    Meta { native, ..Meta::default() }
}

/// Whether a user's activity is a press on the way back to the beginning.
pub(crate) fn leads_home(channel_data: Option<&Value>) -> bool {
    let Some(reply) = channel_data.and_then(|data| data.get("scenario")) else { return false };
    reply["KEYWORD"] == HOME && reply["MENU_ID"] == ROOT
}

fn node_of(told: &Told) -> Option<String> {
    #[derive(Deserialize)]
    struct Node {
        id: String,
    }
    serde_json::from_str::<Node>(told.turn.get()).ok().map(|node| node.id)
}

fn menu(bubble: &Bubble, labels: &[String], name: &str, menu_id: &str) -> Value {
    let buttons: Vec<Value> = labels
        .iter()
        .map(|label| json!({"KEYWORD": label, "MENU_ID": menu_id, "TITLE": label, "TEXT": ""}))
        .collect();
    let tail = [json!({"KEYWORD": HOME, "MENU_ID": ROOT})];
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
            "TAIL": tail,
            "COUNT_TAIL": tail.len(),
        },
    })
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

    #[test]
    fn only_the_way_home_leads_home() {
        let reply = |keyword: &str, menu: &str| json!({"scenario": {"SCENARIO": "CHAT", "KEYWORD": keyword, "MENU_ID": menu}});
        assert!(leads_home(Some(&reply(HOME, ROOT))));
        assert!(!leads_home(Some(&reply(HOME, "solution"))));
        assert!(!leads_home(Some(&reply("솔루션", ROOT))));
        assert!(!leads_home(Some(&json!({"scenario": 3}))) && !leads_home(None));
    }
}
