//! The machine: what happens to calls, decided without a clock, a store or a wait of its own.
//!
//! A [`Floor`] is what is known of one realm. [`Floor::step`] takes one event at one time and gives
//! what comes of it as a value; nothing changes until that is applied ([`Floor::apply`]), which whoever
//! keeps the floor does once it is in the store. A step is about one call at most, with the agents and
//! the queue that it concerns.
//!
//! What one step makes possible for *another* call is not remembered anywhere: [`Floor::next`] finds it
//! by looking. So nothing is lost between two steps, however the process ends.

mod calls;
mod commands;
mod due;
mod ending;
mod jump;
mod next;
mod objects;
mod placing;
mod presence;
#[cfg(test)]
mod tests;
mod work;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use maru_activity::{BotId, ConversationId, Timestamp};
use maru_hall::{CallStatus, CustomerDid, Route};

pub use due::Spoke;
pub use jump::{Jump, Look};
pub use objects::{
    Agent, CallKind, Chat, Customer, Dn, Former, Phase, Queue, Slot, SlotKind, Waiting,
};

use crate::{Book, Command, Refusal, Why};
use work::Work;

/// What is known of one realm.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Floor {
    /// The numbers and settings.
    pub book: Arc<Book>,
    /// The calls.
    pub chats: BTreeMap<ConversationId, Arc<Chat>>,
    /// The agents who have ever been here.
    pub agents: BTreeMap<Dn, Arc<Agent>>,
    /// The queues that anybody ever waited in.
    pub queues: BTreeMap<Dn, Arc<Queue>>,
    /// Since when agents could come back: nobody is taken for gone sooner than the settings say after
    /// the server itself came back.
    pub open_since: Timestamp,
}

/// What happens.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A call comes in.
    Admit(Box<Incoming>),
    /// A bot asks for a human.
    Handoff(Box<Asked>),
    /// A bot ended the conversation.
    BotEnded {
        /// The call.
        call: ConversationId,
    },
    /// A customer did something.
    Customer {
        /// The call.
        call: ConversationId,
        /// What.
        did: CustomerDid,
    },
    /// An agent does something.
    Command {
        /// The agent.
        agent: Dn,
        /// What.
        command: Command,
    },
    /// An agent's link holds until then; it may be a new one.
    Linked {
        /// The agent.
        agent: Dn,
        /// The link.
        link: Box<str>,
        /// Until when.
        until: Timestamp,
    },
    /// An agent's link is gone.
    Unlinked {
        /// The agent.
        agent: Dn,
        /// The link.
        link: Box<str>,
    },
    /// A deadline of a call may have passed.
    CallDue {
        /// The call.
        call: ConversationId,
        /// Who spoke last, if that was looked for.
        spoke: Option<Spoke>,
    },
    /// A deadline of an agent may have passed.
    AgentDue {
        /// The agent.
        agent: Dn,
    },
    /// Somebody may be asked about a call that waits.
    Offer {
        /// The call.
        call: ConversationId,
    },
    /// The agent who is asked has no link.
    Withdraw {
        /// The call.
        call: ConversationId,
    },
    /// The agent whose call it is has gone.
    Orphaned {
        /// The call.
        call: ConversationId,
    },
    /// Nobody is left where it waits.
    Deserted {
        /// The call.
        call: ConversationId,
    },
    /// A call is not there any more to which an agent or a queue still refers: it was erased.
    Vanished {
        /// The call.
        call: ConversationId,
    },
}

impl Event {
    /// The call it is about.
    pub fn call(&self) -> Option<&ConversationId> {
        match self {
            Self::Admit(incoming) => Some(&incoming.call),
            Self::Handoff(asked) => Some(&asked.call),
            Self::Command { command, .. } => command.call(),
            Self::BotEnded { call }
            | Self::Customer { call, .. }
            | Self::CallDue { call, .. }
            | Self::Offer { call }
            | Self::Withdraw { call }
            | Self::Orphaned { call }
            | Self::Deserted { call }
            | Self::Vanished { call } => Some(call),
            Self::Linked { .. } | Self::Unlinked { .. } | Self::AgentDue { .. } => None,
        }
    }
}

/// A call that comes in.
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming {
    /// The conversation.
    pub call: ConversationId,
    /// The number that was dialed.
    pub dn: Dn,
    /// Who calls.
    pub customer: Customer,
}

/// What a bot asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The conversation.
    pub call: ConversationId,
    /// The bot.
    pub bot: BotId,
    /// Who is to be helped.
    pub customer: Customer,
    /// The numbers it names, best first. Those that there are not are passed over.
    pub wanted: Vec<Dn>,
}

/// What comes of an event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// The call as it is now; `None`: the desk keeps nothing of it any more.
    pub chat: Option<(ConversationId, Option<Chat>)>,
    /// The agents that changed.
    pub agents: Vec<Agent>,
    /// The queues that changed.
    pub queues: Vec<Queue>,
    /// What is written into the conversation's log, in order.
    pub said: Vec<Said>,
    /// Who answers from now on.
    pub route: Option<Route>,
    /// The bot that answers from now on is told who is there.
    pub greet: bool,
    /// Why agents are shown the call no more, if they are not.
    pub why: Option<Why>,
    /// What is counted.
    pub counts: Vec<Count>,
    /// What the operator is told.
    pub alert: Option<Trouble>,
}

/// Something that is written into the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// Whose name stands on it.
    pub from: Speaker,
    /// What it is.
    pub what: What,
    /// The bot that is told of it.
    pub tell: Option<BotId>,
}

/// Whose name stands on something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Speaker {
    /// Their number.
    pub dn: Dn,
    /// Their name.
    pub name: Box<str>,
}

/// What is written into the log.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// How the call stands.
    Status(CallStatus),
    /// The call is over.
    End(CallStatus),
    /// A text for the customer, by the server itself.
    Text(Box<str>),
    /// A text for agents alone.
    Note(Box<str>),
    /// What a call was about, for agents alone.
    Codes(Vec<Box<str>>),
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// An agent was asked.
    Offered,
    /// A call was answered by an agent, after the customer had waited this long.
    Answered(Duration),
    /// An agent rejected.
    Rejected,
    /// An agent did not answer in time.
    Missed,
    /// A customer gave up before anybody answered.
    Abandoned,
    /// A call ended unanswered, with this code.
    Failed(u16),
}

/// A trouble that the operator is told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// This agent was set not ready after so many missed calls.
    Missed {
        /// The agent.
        agent: Dn,
        /// How many.
        calls: u32,
    },
    /// This agent leaves a customer without an answer.
    Silent {
        /// The agent.
        agent: Dn,
    },
}

impl Floor {
    /// What comes of an event at this time. An event that is of no effect gives an empty step.
    ///
    /// # Errors
    /// [`Refusal`], of an agent's command alone.
    pub fn step(&self, now: Timestamp, event: Event) -> Result<Step, Refusal> {
        match event {
            Event::Admit(incoming) => Ok(self.admit(now, *incoming)),
            Event::Handoff(asked) => Ok(self.handoff(now, *asked)),
            Event::Command { agent, command } => self.command(now, &agent, command),
            Event::Linked { agent, link, until } => self.linked(now, &agent, link, until),
            Event::Unlinked { agent, link } => self.unlinked(now, &agent, &link),
            Event::AgentDue { agent } => Ok(self.agent_due(now, &agent)),
            Event::BotEnded { call } => Ok(self.about(now, &call, Work::bot_ended)),
            Event::Customer { call, did } => {
                Ok(self.about(now, &call, |work| work.customer_did(did)))
            }
            Event::CallDue { call, spoke } => Ok(self.about(now, &call, |work| work.due(spoke))),
            Event::Offer { call } => Ok(self.about(now, &call, Work::offer_if_any)),
            Event::Withdraw { call } => Ok(self.about(now, &call, Work::withdraw)),
            Event::Orphaned { call } => Ok(self.about(now, &call, Work::orphaned)),
            Event::Deserted { call } => Ok(self.about(now, &call, Work::deserted)),
            Event::Vanished { call } => Ok(self.vanished(&call)),
        }
    }

    /// Takes a step over, once it is kept.
    pub fn apply(&mut self, step: &Step) {
        match &step.chat {
            Some((call, Some(chat))) => {
                self.chats.insert(call.clone(), Arc::new(chat.clone()));
            }
            Some((call, None)) => {
                self.chats.remove(call);
            }
            None => {}
        }
        for agent in &step.agents {
            self.agents.insert(agent.dn.clone(), Arc::new(agent.clone()));
        }
        for queue in &step.queues {
            self.queues.insert(queue.dn.clone(), Arc::new(queue.clone()));
        }
    }

    /// Whether an agent is signed in: has a link, or lost it a moment ago.
    pub fn is_signed_in(&self, agent: &Agent, now: Timestamp) -> bool {
        agent.is_linked(now) || now < self.signed_out_at(agent)
    }

    /// When an agent who has no link is taken for gone.
    pub(crate) fn signed_out_at(&self, agent: &Agent) -> Timestamp {
        let gone = agent.gone_since().max(self.open_since);
        gone.after(secs(self.book.settings.agent_secs))
    }

    fn about<'a>(
        &'a self,
        now: Timestamp,
        call: &ConversationId,
        act: impl FnOnce(&mut Work<'a>),
    ) -> Step {
        let Some(chat) = self.chats.get(call) else {
            return Step::default();
        };
        let mut work = Work::on(self, now, Chat::clone(chat));
        act(&mut work);
        work.finish()
    }
}

pub(crate) fn secs(secs: u32) -> Duration {
    Duration::from_secs(u64::from(secs))
}
