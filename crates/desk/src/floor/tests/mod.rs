//! The machine with a clock of its own: one test for each row of web-chat-desk.md §4.9 that is built,
//! and a model.

mod agents;
mod model;
mod rows;
mod talks;

use std::sync::Arc;
use std::time::Duration;

use maru_activity::{Account, ConversationId, Timestamp};
use maru_hall::{CallState, CustomerDid};
use serde_json::{Value, json};

use crate::floor::{
    Asked, Customer, Event, Floor, Incoming, Phase, SlotKind, Spoke, Step, Trouble, What,
};
use crate::{Book, Command, DnRecord, Refusal};

/// A floor, a clock, and everything that was said.
pub(super) struct Play {
    pub(super) floor: Floor,
    pub(super) now: Timestamp,
    pub(super) said: Vec<String>,
    pub(super) troubles: Vec<Trouble>,
}

/// Agents 1 and 2 of the group 9; 8 is a group that overflows to 9; 7 is a bot's; 6 is another name.
pub(super) fn numbers() -> Vec<Value> {
    vec![
        json!({"kind": "agent", "dn": "1", "name": "One", "max": 1}),
        json!({"kind": "agent", "dn": "2", "name": "Two", "max": 1}),
        json!({"kind": "group", "dn": "9", "name": "Nine", "members": [{"dn": "1"}, {"dn": "2"}]}),
        json!({"kind": "group", "dn": "8", "name": "Eight", "overflow": "9"}),
        json!({"kind": "virtual", "dn": "7", "name": "Seven", "bot": "bot", "group": "9"}),
        json!({"kind": "alias", "dn": "6", "to": "9"}),
    ]
}

impl Play {
    pub(super) fn new() -> Self {
        Self::with(&[])
    }

    /// With other numbers beside these, or in their place.
    pub(super) fn with(others: &[Value]) -> Self {
        let mut book = Book::default();
        for record in numbers().iter().chain(others) {
            book.put(serde_json::from_value::<DnRecord>(record.clone()).unwrap()).unwrap();
        }
        let floor = Floor { book: Arc::new(book), ..Floor::default() };
        let now = Timestamp::from_secs(1_000_000);
        Self { floor, now, said: Vec::new(), troubles: Vec::new() }
    }

    pub(super) fn change(&mut self, record: Value) {
        let mut book = Book::clone(&self.floor.book);
        book.put(serde_json::from_value(record).unwrap()).unwrap();
        self.floor.book = Arc::new(book);
    }

    /// One step, and nothing that it makes possible.
    pub(super) fn step(&mut self, event: Event) -> Result<Step, Refusal> {
        let step = self.floor.step(self.now, event)?;
        self.floor.apply(&step);
        let call = step.chat.as_ref().map(|(call, _)| call.to_string()).unwrap_or_default();
        self.said.extend(step.said.iter().map(|said| format!("{call} {}", word(&said.what))));
        self.troubles.extend(step.alert.clone());
        // Whatever is kept is read again as it was.
        if let Some((_, Some(chat))) = &step.chat {
            let text = serde_json::to_string(chat).unwrap();
            assert_eq!(serde_json::from_str::<super::Chat>(&text).unwrap(), *chat);
        }
        Ok(step)
    }

    /// A step, and all that it makes possible.
    pub(super) fn event(&mut self, event: Event) {
        self.step(event).unwrap();
        self.settle();
    }

    pub(super) fn settle(&mut self) {
        for _ in 0..1_000 {
            let Some(event) = self.floor.next(self.now) else { return };
            let step = self.step(event.clone()).unwrap();
            assert_ne!(step, Step::default(), "{event:?} leads nowhere");
        }
        unreachable!("it does not settle");
    }

    /// Lets time pass, deadline by deadline.
    pub(super) fn wait(&mut self, time: u64) {
        let end = self.now.after(Duration::from_secs(time));
        let (mut last, mut times) = (None, 0);
        while let Some((due, event)) = self.next_deadline().filter(|(due, _)| *due <= end) {
            // Several things may be due about one call at once, one after the other.
            times = if last == Some((due, event.clone())) { times + 1 } else { 0 };
            assert!(times < 4, "{event:?} stays unanswered at {due:?}");
            last = Some((due, event.clone()));
            self.now = self.now.max(due);
            self.event(event);
        }
        self.now = end;
    }

    pub(super) fn next_deadline(&self) -> Option<(Timestamp, Event)> {
        let settings = &self.floor.book.settings;
        let calls = self.floor.chats.values().filter_map(|chat| {
            let event = Event::CallDue { call: chat.call.clone(), spoke: None };
            Some((chat.deadline(settings)?, event))
        });
        let agents = self.floor.agents.values().filter_map(|agent| {
            let due = self.floor.agent_deadline(agent, self.now)?;
            Some((due, Event::AgentDue { agent: agent.dn.clone() }))
        });
        calls.chain(agents).min_by_key(|(due, _)| *due)
    }

    pub(super) fn calls(&mut self, call: &str, dn: &str) {
        let incoming = Incoming { call: call.into(), dn: dn.into(), customer: customer() };
        self.event(Event::Admit(Box::new(incoming)));
    }

    pub(super) fn hands_over(&mut self, call: &str, wanted: &[&str]) {
        let wanted = wanted.iter().map(|dn| (*dn).into()).collect();
        let asked = Asked { call: call.into(), bot: "bot".into(), customer: customer(), wanted };
        self.event(Event::Handoff(Box::new(asked)));
    }

    pub(super) fn signs_in(&mut self, agent: &str) {
        // A day: no test here is about links that run out by themselves, but those that say so.
        let until = self.now.after(Duration::from_secs(86_400));
        self.links(agent, until);
        self.does(agent, Command::Ready { on: true, reason: None }).unwrap();
    }

    pub(super) fn links(&mut self, agent: &str, until: Timestamp) {
        self.event(Event::Linked { agent: agent.into(), link: "link".into(), until });
    }

    pub(super) fn unlinks(&mut self, agent: &str) {
        self.event(Event::Unlinked { agent: agent.into(), link: "link".into() });
    }

    pub(super) fn does(&mut self, agent: &str, command: Command) -> Result<(), Refusal> {
        let done = self.step(Event::Command { agent: agent.into(), command }).map(drop);
        self.settle();
        done
    }

    pub(super) fn accepts(&mut self, agent: &str, call: &str) -> Result<(), Refusal> {
        let epoch = self.floor.chats.get(&ConversationId::from(call)).map_or(0, |chat| chat.epoch);
        self.does(agent, Command::Accept { call: call.into(), epoch })
    }

    pub(super) fn rejects(&mut self, agent: &str, call: &str) -> Result<(), Refusal> {
        let epoch = self.floor.chats.get(&ConversationId::from(call)).map_or(0, |chat| chat.epoch);
        self.does(agent, Command::Reject { call: call.into(), epoch })
    }

    pub(super) fn transfers(&mut self, agent: &str, call: &str, to: &str) -> Result<(), Refusal> {
        let command = Command::Transfer { call: call.into(), to: to.into(), comment: None };
        self.does(agent, command)
    }

    pub(super) fn closes(&mut self, agent: &str, call: &str) -> Result<(), Refusal> {
        self.does(agent, Command::Close { call: call.into(), comment: None, codes: Vec::new() })
    }

    pub(super) fn customer(&mut self, call: &str, did: CustomerDid) {
        self.event(Event::Customer { call: call.into(), did });
    }

    pub(super) fn leaves(&mut self, call: &str) {
        self.customer(call, CustomerDid::Left);
    }

    pub(super) fn phase(&self, call: &str) -> Option<&Phase> {
        self.floor.chats.get(&ConversationId::from(call)).map(|chat| &chat.phase)
    }

    /// Who is asked about a call.
    pub(super) fn asked(&self, call: &str) -> Option<&str> {
        match self.phase(call) {
            Some(Phase::Ringing { agent, .. }) => Some(agent),
            _ => None,
        }
    }

    /// Whose call it is.
    pub(super) fn owner(&self, call: &str) -> Option<&str> {
        match self.phase(call) {
            Some(Phase::Agent { agent, .. }) => Some(agent),
            _ => None,
        }
    }

    pub(super) fn is_queued(&self, call: &str, in_queue: &str) -> bool {
        matches!(self.phase(call), Some(Phase::Queued { queue, .. }) if **queue == *in_queue)
    }

    /// How an agent spends their time.
    pub(super) fn slots(&self, agent: &str) -> Vec<(String, SlotKind)> {
        let slots = self.floor.agents[agent].slots.iter();
        slots.map(|slot| (slot.call.to_string(), slot.kind)).collect()
    }

    /// What was said since this was asked last.
    pub(super) fn said(&mut self) -> Vec<String> {
        std::mem::take(&mut self.said)
    }
}

pub(super) fn customer() -> Customer {
    Customer { account: Account { id: "u".into(), ..Account::default() }, ..Customer::default() }
}

fn word(what: &What) -> String {
    match what {
        What::Status(status) => {
            let state = serde_json::to_value(status.state).unwrap();
            let state = state.as_str().unwrap();
            match (&status.party, status.state) {
                (Some(party), _) => format!("{state} {}", party.dn),
                (None, CallState::Failed | CallState::Completed) => {
                    format!("{state} {}", status.code)
                }
                (None, _) => state.to_owned(),
            }
        }
        What::End(status) => format!("end {} {}", status.code, status.message),
        What::Text(text) => format!("text {}", text.split(' ').next().unwrap_or_default()),
        What::Note(text) => format!("note {text}"),
        What::Codes(codes) => format!("codes {codes:?}"),
    }
}

pub(super) fn spoke(customer: Option<Timestamp>, answerer: Option<Timestamp>) -> Option<Spoke> {
    Some(Spoke { customer, answerer })
}
