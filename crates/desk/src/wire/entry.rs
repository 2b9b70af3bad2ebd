//! Entries of a chat's log, as agents are shown them.

use maru_activity::{ActivityId, Kind, Pos, Role, Seq};
use maru_files::said::mid_of;
use maru_hall::{CallState, CallStatus, HANDOFF_STATUS, Shown, Signal};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{READ, TYPING};

/// An entry.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Entry {
    pub(crate) seq: Seq,
    /// Its number in the customer's stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) s: Option<Pos>,
    pub(crate) id: String,
    pub(crate) at: String,
    pub(crate) kind: &'static str,
    pub(crate) from: Speaker,
    pub(crate) send: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content: Option<Value>,
    /// What else a bot has said in one go.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) more: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<CallStatus>,
}

/// Who said it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Speaker {
    pub(crate) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
}

/// What is read of an activity here.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    #[serde(rename = "type")]
    kind: Option<String>,
    name: Option<String>,
    from: Sender,
    value: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Sender {
    id: Option<String>,
    name: Option<String>,
}

impl Said {
    /// What cannot be read says nothing.
    fn read(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }

    fn status(&self) -> Option<CallStatus> {
        CallStatus::deserialize(&self.value).ok()
    }
}

impl Speaker {
    fn of(role: Role, system: bool, sender: Sender) -> Self {
        let Sender { id, name } = sender;
        let (kind, dn) = match role {
            _ if system => ("system", None),
            Role::User => ("customer", None),
            Role::Bot => ("bot", None),
            Role::Agent => ("agent", id),
        };
        Self { kind, dn, name }
    }
}

/// An entry as agents are shown it; `None` for what they are not. `contents` is what its message shows.
pub(crate) fn entry_of(shown: &Shown, contents: impl FnOnce() -> Vec<Value>) -> Option<Entry> {
    let mut said = Said::read(&shown.body);
    let mut entry = Entry {
        seq: shown.seq,
        s: shown.pos.map(|pos| pos + 1),
        id: match shown.id {
            ActivityId::Pos(pos) => format!("p{pos}"),
            ActivityId::Hidden(seq) => format!("s{seq}"),
        },
        at: shown.at.to_string(),
        kind: "message",
        from: Speaker::of(shown.role, shown.meta.system, std::mem::take(&mut said.from)),
        send: if shown.pos.is_some() { "BOTH" } else { "AGENT" },
        mid: None,
        content: None,
        more: Vec::new(),
        status: None,
    };
    match shown.kind {
        Kind::Message => {
            entry.mid = mid_of(&shown.meta).map(str::to_owned);
            let mut contents = contents().into_iter();
            // What shows nothing is not said at all.
            entry.content = Some(contents.next()?);
            entry.more = contents.collect();
        }
        Kind::MessageDelete => entry.kind = "deleted",
        Kind::Event if said.name.as_deref() == Some(HANDOFF_STATUS) => {
            entry.kind = "status";
            entry.status = Some(said.status()?);
        }
        Kind::EndOfConversation => {
            entry.kind = "end";
            entry.status = Some(said.status().unwrap_or_else(ended));
        }
        _ => return None,
    }
    Some(entry)
}

/// The end of a conversation that somebody else than the desk has ended.
fn ended() -> CallStatus {
    CallStatus {
        state: CallState::Completed,
        code: 200,
        message: "Call terminated".into(),
        party: None,
        virtual_agent: None,
        by: None,
    }
}

/// What a signal tells an agent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Told {
    /// Somebody is writing, or no more.
    Typing {
        /// Whether they are.
        on: bool,
        /// Who.
        from: Speaker,
    },
    /// The customer has read up to here.
    Read {
        /// A number of their stream.
        upto: Pos,
    },
}

/// What a signal tells the agent of this number; `None`: nothing, or what they have said themselves.
pub(crate) fn told_by(signal: &Signal, dn: &str) -> Option<Told> {
    if signal.role == Role::Agent && *signal.sender == *dn {
        return None;
    }
    let said = Said::read(&signal.body);
    let typing = |on, sender| Told::Typing { on, from: Speaker::of(signal.role, false, sender) };
    match (said.kind.as_deref()?, said.name.as_deref()) {
        ("typing", _) => Some(typing(true, said.from)),
        ("event", Some(TYPING)) => {
            let on = said.value["on"].as_bool().unwrap_or(false);
            Some(typing(on, said.from))
        }
        ("event", Some(READ)) if signal.role == Role::User => {
            Some(Told::Read { upto: said.value["upto"].as_u64()? })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use maru_activity::Timestamp;
    use maru_hall::{Meta, Native};
    use serde_json::json;

    use super::*;

    fn shown(kind: Kind, role: Role, pos: Option<Pos>, body: &Value) -> Shown {
        Shown {
            id: pos.map_or(ActivityId::Hidden(9), ActivityId::Pos),
            seq: 9,
            pos,
            at: Timestamp::from_secs(0),
            kind,
            role,
            body: body.to_string().into(),
            meta: Meta::default(),
        }
    }

    fn entry(shown: &Shown) -> Option<Value> {
        entry_of(shown, || vec![json!("what it shows"), json!("and more")])
            .map(|entry| serde_json::to_value(entry).unwrap())
    }

    #[test]
    fn a_message_says_who_may_see_it_and_by_which_key_it_came() {
        let body =
            json!({"type": "message", "from": {"id": "3001", "name": "김민지"}, "text": "x"});
        let mut note = shown(Kind::Message, Role::Agent, None, &body);
        note.meta.native = Some(Native {
            protocol: maru_files::said::PROTOCOL.to_owned(),
            body: json!({"mid": "m1"}),
        });
        assert_eq!(
            entry(&note).unwrap(),
            json!({
                "seq": 9, "id": "s9", "at": "1970-01-01T00:00:00.0000000Z", "kind": "message",
                "from": {"kind": "agent", "dn": "3001", "name": "김민지"}, "send": "AGENT",
                "mid": "m1", "content": "what it shows", "more": ["and more"],
            })
        );
        let body = json!({"from": {"id": "01012345678"}});
        let said = entry(&shown(Kind::Message, Role::User, Some(4), &body)).unwrap();
        assert_eq!((&said["s"], &said["send"]), (&json!(5), &json!("BOTH")));
        assert_eq!(said["from"], json!({"kind": "customer"}), "who they are, the chat says");
    }

    #[test]
    fn what_happened_to_the_call_is_told_and_what_is_for_machines_is_not() {
        let status = json!({"state": "ringing", "code": 180, "message": "Ringing"});
        let event = |name: &str, value: &Value| {
            let body = json!({"type": "event", "name": name, "value": value});
            entry(&shown(Kind::Event, Role::Agent, Some(0), &body))
        };
        let told = event(HANDOFF_STATUS, &status).unwrap();
        assert_eq!((&told["kind"], &told["status"]), (&json!("status"), &status));
        assert_eq!(event(HANDOFF_STATUS, &json!("nonsense")), None);
        assert_eq!(event("handoff.initiate", &json!({})), None);
        for kind in [Kind::Typing, Kind::Trace, Kind::ConversationUpdate, Kind::Invoke] {
            assert_eq!(entry(&shown(kind, Role::Bot, Some(0), &json!({}))), None);
        }
        let end = entry(&shown(Kind::EndOfConversation, Role::Bot, Some(0), &json!({}))).unwrap();
        assert_eq!((&end["kind"], &end["status"]["code"]), (&json!("end"), &json!(200)));
        let taken_back = entry(&shown(Kind::MessageDelete, Role::Bot, Some(3), &json!({})));
        assert_eq!(taken_back.unwrap()["kind"], "deleted");
    }

    #[test]
    fn signals_of_others_are_told() {
        let signal = |role, body: &Value| Signal {
            id: "x".into(),
            at: Timestamp::from_secs(0),
            role,
            sender: "3001".into(),
            body: body.to_string().into(),
        };
        let typing = json!({"type": "typing", "from": {"id": "3001", "name": "김"}});
        assert!(told_by(&signal(Role::Agent, &typing), "3001").is_none());
        let told = told_by(&signal(Role::Agent, &typing), "3002");
        assert!(matches!(told, Some(Told::Typing { on: true, from }) if from.kind == "agent"));
        let stopped = json!({"type": "event", "name": TYPING, "value": {"on": false}});
        let told = told_by(&signal(Role::User, &stopped), "3001");
        assert!(matches!(told, Some(Told::Typing { on: false, from }) if from.kind == "customer"));
        let read = json!({"type": "event", "name": READ, "value": {"upto": 4}});
        assert_eq!(told_by(&signal(Role::User, &read), "3001"), Some(Told::Read { upto: 4 }));
        assert_eq!(told_by(&signal(Role::User, &json!({"type": "message"})), "3001"), None);
    }
}
