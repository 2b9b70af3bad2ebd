//! How the floor is kept: small values of the store, with their versions.

use std::collections::HashMap;

use maru_activity::{ConversationId, RealmId, Timestamp};
use maru_hall::{Error, Hall, State, StateWrite, TimerWrite};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::floor::{Floor, Step};
use crate::limits::PAGE;
use crate::records::{DNS, SETTINGS};
use crate::{Book, DeskSettings, DnRecord};

/// The scope of calls; the key is the conversation's id.
pub(super) const CHATS: &str = "desk/chat";

/// The scope of agents; the key is the number.
pub(super) const AGENTS: &str = "desk/agent";

/// The scope of queues; the key is the number.
pub(super) const QUEUES: &str = "desk/queue";

/// The scope of the desk's timers.
pub(super) const TIMERS: &str = "desk";

/// In front of a conversation's id in the key of a timer.
pub(super) const CALL_TIMER: &str = "call/";

/// In front of an agent's number in the key of a timer.
pub(super) const AGENT_TIMER: &str = "agent/";

/// The versions of what is known, by scope and key.
#[derive(Debug, Default)]
pub(super) struct Versions(HashMap<(&'static str, String), u64>);

impl Versions {
    pub(super) fn of(&self, scope: &'static str, key: &str) -> u64 {
        self.0.get(&(scope, key.to_owned())).copied().unwrap_or(0)
    }

    pub(super) fn set(&mut self, scope: &'static str, key: &str, version: u64) {
        if version == 0 {
            self.0.remove(&(scope, key.to_owned()));
        } else {
            self.0.insert((scope, key.to_owned()), version);
        }
    }
}

/// The writes of a step.
pub(super) fn writes(step: &Step, versions: &Versions) -> Result<Vec<StateWrite>, Error> {
    let mut writes = Vec::with_capacity(3);
    let mut put = |scope: &'static str, key: &str, value: Option<Vec<u8>>| {
        let version = versions.of(scope, key);
        let write = match value {
            Some(value) => StateWrite::put(scope, key, value),
            // What was never written need not be deleted.
            None if version == 0 => return,
            None => StateWrite::delete(scope, key),
        };
        writes.push(write.at_version(version));
    };
    for agent in &step.agents {
        put(AGENTS, &agent.dn, Some(json(agent)?));
    }
    for queue in &step.queues {
        put(QUEUES, &queue.dn, Some(json(queue)?));
    }
    if let Some((call, chat)) = &step.chat {
        put(CHATS, call.as_str(), chat.as_ref().map(json).transpose()?);
        // Who is erased leaves nothing here either.
        if let Some(write) = writes.pop_if(|write| write.scope == CHATS) {
            writes.push(write.about(call));
        }
    }
    Ok(writes)
}

/// Notes the versions that a step's writes made.
pub(super) fn written(step: &Step, versions: &mut Versions) {
    if let Some((call, chat)) = &step.chat {
        let version = versions.of(CHATS, call.as_str());
        versions.set(CHATS, call.as_str(), chat.as_ref().map_or(0, |_| version + 1));
    }
    for agent in &step.agents {
        let version = versions.of(AGENTS, &agent.dn);
        versions.set(AGENTS, &agent.dn, version + 1);
    }
    for queue in &step.queues {
        let version = versions.of(QUEUES, &queue.dn);
        versions.set(QUEUES, &queue.dn, version + 1);
    }
}

/// The timers of a step: each call and each agent has one, at its soonest deadline.
pub(super) fn timers(step: &Step, floor: &Floor, now: Timestamp) -> Vec<TimerWrite> {
    let settings = &floor.book.settings;
    let call = step.chat.iter().map(|(call, chat)| {
        let due = chat.as_ref().and_then(|chat| chat.deadline(settings));
        timer(call_timer(call), due)
    });
    let agents = step
        .agents
        .iter()
        .map(|agent| timer(format!("{AGENT_TIMER}{}", agent.dn), floor.agent_deadline(agent, now)));
    call.chain(agents).collect()
}

pub(super) fn call_timer(call: &ConversationId) -> String {
    format!("{CALL_TIMER}{call}")
}

pub(super) fn timer(key: String, due: Option<Timestamp>) -> TimerWrite {
    let set = due.map(|due| (due, bytes::Bytes::new()));
    TimerWrite { scope: TIMERS.to_owned(), key, expect: None, set }
}

/// All values of a scope.
pub(super) async fn all(hall: &Hall, realm: &RealmId, scope: &str) -> Result<Vec<State>, Error> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = hall.states(realm, scope, after, PAGE).await?;
        found.extend(page.items);
        after = page.next;
        if after.is_none() {
            return Ok(found);
        }
    }
}

/// The numbers and settings of a realm, with the versions of the numbers and of the settings.
pub(super) async fn book(hall: &Hall, realm: &RealmId) -> Result<(Book, Versions), Error> {
    let mut book = Book::default();
    let mut versions = Versions::default();
    for state in all(hall, realm, DNS).await? {
        let record: DnRecord = read(&state)?;
        versions.set(DNS, &state.key, state.version);
        book.dns.insert(record.dn().into(), std::sync::Arc::new(record));
    }
    if let Some(state) = hall.state(realm, SETTINGS, SETTINGS_KEY).await? {
        book.settings = read::<DeskSettings>(&state)?;
        versions.set(SETTINGS, SETTINGS_KEY, state.version);
    }
    Ok((book, versions))
}

/// The only key of [`SETTINGS`].
pub(super) const SETTINGS_KEY: &str = "desk";

pub(super) fn read<T: DeserializeOwned>(state: &State) -> Result<T, Error> {
    serde_json::from_slice(&state.value)
        .map_err(|error| Error::Internal(format!("a value of the desk cannot be read: {error}")))
}

pub(super) fn json<T: Serialize>(value: &T) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|error| Error::Internal(error.to_string()))
}
