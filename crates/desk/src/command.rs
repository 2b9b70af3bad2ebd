//! What an agent asks of the desk, and how it answers.

use maru_activity::ConversationId;
use maru_hall::Error;

/// What an agent does. Who they are, whoever calls has made sure of; what they may do with a call, the
/// desk decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// They want calls, or none.
    Ready {
        /// Whether they want them.
        on: bool,
        /// Why not, in a word: `lunch`.
        reason: Option<Box<str>>,
    },
    /// They take a call that they were asked about.
    Accept {
        /// The call.
        call: ConversationId,
        /// The epoch of the offer.
        epoch: u64,
    },
    /// They do not take it.
    Reject {
        /// The call.
        call: ConversationId,
        /// The epoch of the offer.
        epoch: u64,
    },
    /// They help themselves to a call that waits in one of their groups.
    Take {
        /// The call.
        call: ConversationId,
    },
    /// They hold a call of theirs, or go on with it.
    Hold {
        /// The call.
        call: ConversationId,
        /// Held, or no more.
        on: bool,
    },
    /// They give a call of theirs to somebody else, and have it back if nobody takes it.
    Transfer {
        /// The call.
        call: ConversationId,
        /// The number to give it to.
        to: Box<str>,
        /// What agents are told about it.
        comment: Option<Box<str>>,
    },
    /// They end a call of theirs; a conversation that a bot gave them goes back to it.
    Close {
        /// The call.
        call: ConversationId,
        /// What agents are told about it.
        comment: Option<Box<str>>,
        /// What it was about: categories.
        codes: Vec<Box<str>>,
    },
    /// They have written up a call.
    WrapupDone {
        /// The call.
        call: ConversationId,
    },
}

impl Command {
    /// The call it is about.
    pub fn call(&self) -> Option<&ConversationId> {
        match self {
            Self::Ready { .. } => None,
            Self::Accept { call, .. }
            | Self::Reject { call, .. }
            | Self::Take { call }
            | Self::Hold { call, .. }
            | Self::Transfer { call, .. }
            | Self::Close { call, .. }
            | Self::WrapupDone { call } => Some(call),
        }
    }
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// The call's epoch now, if it is about one that goes on.
    pub epoch: Option<u64>,
}

/// Why it was not done. Codes are those of web-chat-desk.md §4.3.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such agent.
    #[error("there is no such agent")]
    NoSuchAgent,
    /// There is no such call, or it is none of this agent's business: they cannot tell which.
    #[error("there is no such chat")]
    NoSuchChat,
    /// The offer is over: somebody else has it, or it was withdrawn.
    #[error("the offer is over")]
    Expired,
    /// The call is not in a state in which this can be done.
    #[error("the chat is not in a state for this")]
    NotInCall,
    /// The agent has as many calls as they may have.
    #[error("you have as many chats as you may have")]
    Full,
    /// The number to transfer to is none, or the agent's own.
    #[error("there is nobody at that number to give it to")]
    BadTarget,
    /// Nobody there can take it now; with the code and phrase that a caller would get.
    #[error("{phrase}")]
    Unreachable {
        /// 480, 486 …
        code: u16,
        /// `Busy Here` …
        phrase: &'static str,
    },
    /// A comment is too long, or there are too many categories.
    #[error("{0}")]
    TooLong(&'static str),
    /// What the hall says.
    #[error(transparent)]
    Hall(#[from] Error),
}

impl Refusal {
    /// Its code on the wire.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSuchAgent => "forbidden",
            Self::NoSuchChat => "no_such_chat",
            Self::Expired => "expired",
            Self::NotInCall => "not_in_call",
            Self::Full => "too_many",
            Self::BadTarget | Self::Unreachable { .. } => "bad_field",
            Self::TooLong(_) => "too_long",
            Self::Hall(_) => "internal",
        }
    }
}
