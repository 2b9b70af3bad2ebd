//! What messages of a web chat say: the `content` of `nxchat.v1` and `nxdesk.v1` (web-chat-desk.md
//! §1.4 and §1.5), and what of it is kept as an activity.
//!
//! A content is kept twice in one entry: as a portable activity, which every bot and every other
//! channel can read, and beside it as it was sent ([`Native`] of the protocol [`PROTOCOL`], whose body
//! has the `content` and, of people's messages, the client's own id `mid`). A web chat and the desk
//! show the latter where there is one. In both, a file that was uploaded here is a reference
//! (`blob:ID`); its address is written anew for each reader.

mod read;
mod rules;
#[cfg(test)]
mod tests;
mod write;

use maru_activity::{Account, Activity, Draft, Kind};
use maru_content::Action;
use maru_hall::{Meta, Native};
use serde_json::{Value, json};

pub use read::{BadContent, Rules, Unread};
pub use rules::{
    EXTRA_MAX, HEADING_MAX, LINK_NAME_MAX, LINKS_MAX, TEXT_MAX, URL_BYTES_MAX, WEB_CHAT,
};
pub use write::{Addresses, ChatLinks, Offered, contents, mid_of, offered};

/// The name of the protocol in [`Native`].
pub const PROTOCOL: &str = "nxchat";

/// The scenario's code where a reply names none (web-chat-desk.md A31).
const SCENARIO: &str = "CHAT";

/// A content that was found sound.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// As it was sent, with references in the place of our own addresses.
    content: Value,
    /// Its words.
    text: String,
    /// What a pressed button brings beside them.
    extra: Option<String>,
    /// What the press stands for, if it was on something that a bot offered.
    means: Option<Action>,
    /// The answer to a scenario's menu.
    reply: Option<Reply>,
    /// Files and buttons, as attachments of an activity.
    attachments: Vec<Value>,
    /// Whether there are references among them.
    blobs: bool,
}

/// The answer to a scenario's menu (web-chat-desk.md §1.5).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Reply {
    scenario: String,
    keyword: String,
    menu_id: String,
}

impl Said {
    /// The words of a pressed button, and what it brings: for looking up what was offered.
    pub fn press(&self) -> Option<(&str, &str)> {
        Some((self.text.as_str(), self.extra.as_deref()?))
    }

    /// Says what the press stands for.
    pub fn stands_for(&mut self, action: Action) {
        self.means = Some(action);
    }

    /// The activity, and what stands beside it. `mid` is the client's own id of the message.
    pub fn into_activity(self, from: &Account, mid: &str) -> (Activity, Meta) {
        let Self { content, text, extra, means, reply, attachments, blobs } = self;
        let mut draft = Draft::new(&Kind::Message);
        draft.set_value("from", from);
        let mut meta = Meta { blobs, ..Meta::default() };
        if let Some(action) = means {
            meta.shown = Some(text);
            set_text(&mut draft, &action.text);
            if let Some(value) = &action.value {
                draft.set_value("value", value);
            }
        } else if let Some(Reply { scenario, keyword, menu_id }) = reply {
            set_text(&mut draft, &keyword);
            let reply = json!({"SCENARIO": scenario, "KEYWORD": keyword, "MENU_ID": menu_id});
            draft.set_value("channelData", &json!({ "scenario": reply }));
            meta.shown = Some(keyword);
        } else {
            set_text(&mut draft, &text);
            if let Some(extra) = extra {
                draft.set_text("value", &extra);
                draft.set_value("channelData", &json!({ "extra": extra }));
            }
        }
        if !attachments.is_empty() {
            draft.set_value("attachments", &attachments);
        }
        let body = json!({"mid": mid, "content": content});
        meta.native = Some(Native { protocol: PROTOCOL.to_owned(), body });
        (draft.finish().expect("the type was given"), meta)
    }
}

/// People's words are words, never markup.
fn set_text(draft: &mut Draft<'_>, text: &str) {
    if !text.is_empty() {
        draft.set_text("text", text);
        draft.set_text("textFormat", "plain");
    }
}
