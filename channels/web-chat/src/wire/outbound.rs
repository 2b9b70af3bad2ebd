//! What clients are sent.

use maru_hall::{By, CallStatus, Party, PartyKind};
use serde_json::{Map, Value, json};

use super::inbound::Wrong;

/// A frame to send.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Frame(Map<String, Value>);

impl Frame {
    /// Of this type, with this body.
    pub(crate) fn new(t: &'static str, d: Value) -> Self {
        let mut members = Map::with_capacity(4);
        members.insert("t".to_owned(), t.into());
        members.insert("d".to_owned(), d);
        Self(members)
    }

    /// The answer to a request.
    pub(crate) fn to(mut self, id: Option<&str>) -> Self {
        if let Some(id) = id {
            self.0.insert("r".to_owned(), id.into());
        }
        self
    }

    /// At this place of the stream.
    pub(crate) fn at(mut self, s: u64) -> Self {
        self.0.insert("s".to_owned(), s.into());
        self
    }

    /// Its text.
    pub(crate) fn into_text(self) -> String {
        Value::Object(self.0).to_string()
    }

    /// As it stands in a page of the history.
    pub(crate) fn into_value(self) -> Value {
        Value::Object(self.0)
    }
}

/// A step on the way to an answer.
pub(crate) fn progress(status: &CallStatus) -> Frame {
    let mut d = json!({"code": status.code, "phrase": status.message});
    if let Some(party) = &status.party {
        d["party"] = party_of(party);
    }
    Frame::new("prog", d)
}

/// The call was answered.
pub(crate) fn answer(status: &CallStatus, virtual_agent: &str) -> Frame {
    let party = status.party.as_ref().map_or(Value::Null, party_of);
    Frame::new("answer", json!({"code": 200, "party": party, "virtualAgent": virtual_agent}))
}

/// Somebody came, went, or holds the call.
pub(crate) fn party(what: &'static str, status: &CallStatus, at: &str) -> Frame {
    let mut d = json!({"what": what, "at": at});
    if let Some(party) = &status.party {
        d["party"] = party_of(party);
    }
    Frame::new("party", d)
}

/// The end of the call.
pub(crate) fn clear(status: &CallStatus) -> Frame {
    let by = match status.by.unwrap_or(By::System) {
        By::Customer => "customer",
        By::Agent => "agent",
        By::Bot => "bot",
        By::System => "system",
    };
    // There is something to rate where somebody answered.
    let csat = status.code == 200;
    Frame::new(
        "clear",
        json!({"code": status.code, "phrase": status.message, "by": by, "csat": csat}),
    )
}

fn party_of(party: &Party) -> Value {
    let kind = match party.kind {
        PartyKind::Agent => "agent",
        PartyKind::Bot => "bot",
    };
    json!({"dn": party.dn, "name": party.name, "kind": kind})
}

/// There is nothing to show for the places from `from` to `to`.
pub(crate) fn skip(from: u64, to: u64) -> Frame {
    Frame::new("skip", json!({ "from": from })).at(to)
}

/// A request was refused.
pub(crate) fn refusal(wrong: &Wrong, retry_after: Option<u64>) -> Frame {
    let mut d = json!({"code": wrong.code, "msg": wrong.problem});
    if let Some(field) = wrong.field {
        d["field"] = field.into();
    }
    if let Some(mid) = &wrong.mid {
        d["mid"] = mid.as_str().into();
    }
    if let Some(seconds) = retry_after {
        d["retry_after"] = seconds.into();
    }
    Frame::new("err", d)
}
