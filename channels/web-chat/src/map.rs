//! An entry of the log as the customer's frame. Pure and total: every entry that has a place gives one
//! frame, since the customer counts places.

use maru_activity::{Account, ActivityId, Kind, Pos, Role, Timestamp};
use maru_files::said::{self, Addresses, PROTOCOL};
use maru_hall::{By, CallState, CallStatus, HANDOFF_STATUS, Shown};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::wire::outbound::{self, Frame};

/// The phrase of a normal end, which is always this one (web-chat-desk.md §4.9).
pub(crate) const TERMINATED: &str = "Call terminated";

/// What is the same in all frames of one chat.
#[derive(Clone, Copy)]
pub(crate) struct Framer<'a> {
    /// The number of the virtual agent by which the call came in; empty if it was none.
    pub(crate) virtual_agent: &'a str,
    /// Addresses of files, for this client.
    pub(crate) addresses: &'a dyn Addresses,
    /// Where the call was answered for the first time, as far as that is known.
    pub(crate) answered_at: Option<Pos>,
}

/// The members of an activity that are looked at.
#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    name: Option<Value>,
    #[serde(default)]
    value: Option<Value>,
    #[serde(default)]
    from: Option<Account>,
}

/// How the call stands, if that is what an entry says. Only the desk is believed: anybody else could
/// write an event of that name.
pub(crate) fn status_of(shown: &Shown) -> Option<CallStatus> {
    if shown.role != Role::Agent || shown.kind != Kind::Event {
        return None;
    }
    let body: Body = serde_json::from_slice(&shown.body).ok()?;
    if body.name?.as_str() != Some(HANDOFF_STATUS) {
        return None;
    }
    CallStatus::deserialize(body.value?).ok()
}

/// The end of the call, if that is what an entry says. A bot's is no end: the desk ends a call that the
/// bot had, and one that it had given away goes on.
pub(crate) fn end_of(shown: &Shown) -> Option<CallStatus> {
    if shown.role == Role::Bot || shown.kind != Kind::EndOfConversation {
        return None;
    }
    let body: Body = serde_json::from_slice(&shown.body).unwrap_or_default();
    let status = body.value.and_then(|value| CallStatus::deserialize(value).ok());
    Some(status.unwrap_or_else(|| terminated(By::System)))
}

/// A normal end.
pub(crate) fn terminated(by: By) -> CallStatus {
    CallStatus {
        state: CallState::Completed,
        code: 200,
        message: TERMINATED.into(),
        party: None,
        virtual_agent: None,
        by: Some(by),
    }
}

impl Framer<'_> {
    /// The frame of an entry that has a place.
    pub(crate) fn frame(&self, shown: &Shown, pos: Pos) -> Frame {
        let s = pos + 1;
        let frame = match status_of(shown) {
            Some(status) => self.status(&status, shown, pos),
            None => match end_of(shown) {
                Some(status) => Some(outbound::clear(&status)),
                None => self.said(shown, s),
            },
        };
        frame.map_or_else(|| nothing(shown, s), |frame| frame.at(s))
    }

    fn status(&self, status: &CallStatus, shown: &Shown, pos: Pos) -> Option<Frame> {
        let at = millis(shown.at);
        let party = |what| outbound::party(what, status, &at);
        Some(match status.state {
            CallState::Trying | CallState::Ringing | CallState::Forwarded | CallState::Queued => {
                outbound::progress(status)
            }
            CallState::Accepted if self.answered_at.is_none_or(|first| first >= pos) => {
                let virtual_agent = status.virtual_agent.as_deref().unwrap_or(self.virtual_agent);
                outbound::answer(status, virtual_agent)
            }
            CallState::Accepted | CallState::Joined => party("joined"),
            CallState::Left => party("left"),
            CallState::Transferred => party("transferred"),
            CallState::Held => party("held"),
            CallState::Resumed => party("resumed"),
            CallState::Failed => party("failed"),
            // The bot answers again, which it says itself.
            CallState::Completed => return None,
        })
    }

    /// A message, or that a bot is writing.
    fn said(&self, shown: &Shown, s: u64) -> Option<Frame> {
        if shown.kind == Kind::Typing {
            return Some(self.typing(shown, true));
        }
        if !matches!(shown.kind, Kind::Message | Kind::EndOfConversation) {
            return None;
        }
        let mut contents = said::contents(&shown.body, &shown.meta, self.addresses).into_iter();
        let content = contents.next()?;
        let more: Vec<Value> = contents.collect();
        let native = shown.meta.native.as_ref().filter(|native| native.protocol == PROTOCOL);
        let send = native.and_then(|native| native.body.get("send")?.as_str()).unwrap_or("BOTH");
        let own = format!("s{s}");
        let mut d = json!({
            "mid": said::mid_of(&shown.meta).unwrap_or(&own),
            "from": self.from(shown),
            "send": send,
            "content": content,
            "at": millis(shown.at),
            "virtualAgent": self.virtual_agent,
        });
        if !more.is_empty() {
            d["more"] = more.into();
        }
        if let ActivityId::Pos(target) = shown.id
            && shown.pos != Some(target)
        {
            d["replaces"] = (target + 1).into();
        }
        Some(Frame::new("msg", d))
    }

    /// That somebody is writing, or is not any more.
    pub(crate) fn typing(&self, shown: &Shown, on: bool) -> Frame {
        Frame::new("typing", json!({"on": on, "from": self.from(shown)}))
    }

    fn from(&self, shown: &Shown) -> Value {
        let body: Body = serde_json::from_slice(&shown.body).unwrap_or_default();
        let account = body.from.unwrap_or_default();
        sender(shown.role, shown.meta.system, &account, self.virtual_agent)
    }
}

/// Who said something, as the vendor's clients name them (web-chat-desk.md A5): `customer`, an agent's
/// number, or that of the virtual agent.
pub(crate) fn sender(role: Role, system: bool, account: &Account, virtual_agent: &str) -> Value {
    let (kind, dn) = match role {
        Role::User => ("customer", "customer"),
        Role::Agent if system => ("system", account.id.as_str()),
        Role::Agent => ("agent", account.id.as_str()),
        Role::Bot if system => ("system", virtual_agent),
        Role::Bot => ("bot", virtual_agent),
    };
    json!({"kind": kind, "dn": dn, "name": account.name.as_deref().unwrap_or_default()})
}

/// An entry that is not shown. One that took a message back says which.
fn nothing(shown: &Shown, s: u64) -> Frame {
    match shown.id {
        ActivityId::Pos(target) if shown.kind == Kind::MessageDelete => {
            Frame::new("skip", json!({"from": s, "gone": target + 1})).at(s)
        }
        _ => outbound::skip(s, s),
    }
}

/// A time in RFC 3339 with milliseconds.
pub(crate) fn millis(at: Timestamp) -> String {
    let text = at.to_string();
    match text.split_once('.') {
        Some((seconds, rest)) => {
            let rest: String = rest.chars().take_while(char::is_ascii_digit).take(3).collect();
            format!("{seconds}.{rest}Z")
        }
        None => text,
    }
}

#[cfg(test)]
mod tests;
