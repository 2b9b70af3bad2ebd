//! What the machine says, as activities.

use bytes::Bytes;
use maru_activity::{Account, Activity, Audience, Draft, Kind, Role};
use maru_hall::{Error, HANDOFF_STATUS, Meta, QUEUE_PLACE, QueuePlace, Spoken};
use serde::Serialize;

use crate::floor::{Said, Speaker, What};

/// The name of the `event` activity, for agents alone, that says what a call was about. Its value is
/// a list of categories.
pub const CODES: &str = "desk.codes";

pub(super) fn spoken(said: &Said) -> Result<Spoken, Error> {
    let from = account(&said.from);
    let mut audience = None;
    let mut meta = Meta::default();
    let activity = match &said.what {
        What::Status(status) => event(&from, HANDOFF_STATUS, status)?,
        What::End(status) => {
            let mut draft = Draft::new(&Kind::EndOfConversation);
            draft.set_value("from", &from);
            draft.set_value("value", status);
            finish(draft)?
        }
        What::Text(text) => {
            meta.system = true;
            Activity::message(&from, text)
        }
        What::Note(text) => {
            audience = Some(Audience::Agents);
            Activity::message(&from, text)
        }
        What::Codes(codes) => {
            audience = Some(Audience::Agents);
            event(&from, CODES, codes)?
        }
    };
    Ok(Spoken { role: Role::Agent, activity, audience, meta, tell: said.tell.clone() })
}

/// The body of the signal that tells a customer their place.
pub(super) fn place(queue: &Speaker, place: &QueuePlace) -> Result<Bytes, Error> {
    Ok(event(&account(queue), QUEUE_PLACE, place)?.body)
}

fn event<T: Serialize>(from: &Account, name: &str, value: &T) -> Result<Activity, Error> {
    let mut draft = Draft::new(&Kind::Event);
    draft.set_text("name", name);
    draft.set_value("from", from);
    draft.set_value("value", value);
    finish(draft)
}

fn account(speaker: &Speaker) -> Account {
    Account {
        id: speaker.dn.to_string(),
        name: Some(speaker.name.to_string()),
        role: Some(Role::Agent.as_str().to_owned()),
    }
}

fn finish(draft: Draft<'_>) -> Result<Activity, Error> {
    Ok(draft.finish()?)
}
