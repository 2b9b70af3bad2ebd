//! What agents are shown: whole objects, as they are now.
//!
//! These are also the bodies of the wire's frames, member for member; times are RFC 3339.

use maru_activity::{ConversationId, Seq, Timestamp};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::DnKind;

/// Everything that an agent is shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentView {
    /// Their own state.
    pub state: AgentState,
    /// The calls that are theirs, that they are asked about, or that wait in their groups.
    pub chats: Vec<ChatView>,
    /// Every number of the realm that a call can be given to.
    pub dns: Vec<DnView>,
    /// How their groups stand.
    pub stats: Vec<GroupStats>,
}

/// The state of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentState {
    /// Whether they want calls.
    pub ready: bool,
    /// Why not, in a word: `missed` if the server decided so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Box<str>>,
    /// Since when.
    #[serde(serialize_with = "as_text")]
    pub since: Timestamp,
    /// How many calls they are given at once.
    pub max: u32,
}

/// How a call stands, for one agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChatPhase {
    /// They are asked whether they take it.
    Offered,
    /// It is theirs, also while they give it to somebody else.
    Mine,
    /// It is theirs and held.
    Held,
    /// It waits in one of their groups.
    Waiting,
    /// They write it up.
    Wrapup,
}

/// A call, as one agent is shown it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChatView {
    /// The conversation.
    pub c: ConversationId,
    /// Counts its owners and offers: who accepts says which offer.
    pub epoch: u64,
    /// How it stands for this agent.
    pub phase: ChatPhase,
    /// When the offer or the time for writing up is over.
    #[serde(serialize_with = "as_text_if", skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// Since when it has stood so; of one that waits or is offered, since when the customer has waited.
    #[serde(serialize_with = "as_text")]
    pub since: Timestamp,
    /// Who calls.
    pub customer: CustomerView,
    /// The number that was dialed, or that a bot handed it to.
    pub dn: Box<str>,
    /// The group or agent in whose queue it waits or waited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Box<str>>,
    /// The number of the virtual agent by which it came in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtual_agent: Option<Box<str>>,
    /// Whom it is being given to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transfer: Option<Box<str>>,
    /// Since when the customer's link has been broken.
    #[serde(serialize_with = "as_text_if", skip_serializing_if = "Option::is_none")]
    pub customer_lost: Option<Timestamp>,
    /// The next seq of its log.
    pub head: Seq,
}

/// A customer, as agents are shown them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomerView {
    /// The id they gave.
    pub id: String,
    /// Their name, if they have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether a trusted party vouched for the id.
    pub verified: bool,
    /// Their language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<Box<str>>,
    /// What else is known: the page they are on …
    pub context: Map<String, Value>,
}

/// A number that a call can be given to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DnView {
    /// The number.
    pub dn: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// What it is.
    pub kind: DnKind,
    /// How many calls could be taken there at once now; a virtual agent's always one more.
    pub free: u32,
}

/// How a group stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupStats {
    /// Its number.
    pub group: Box<str>,
    /// How many wait.
    pub waiting: u32,
    /// How long the one who has waited longest has, in seconds.
    pub longest_s: u64,
}

/// What has changed, for whoever shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// A call: what an agent is shown of it is to be looked at again
    /// ([`Service::chat`](crate::Service::chat)). If they are shown nothing of it any more, then for
    /// this reason.
    Chat {
        /// The call.
        call: ConversationId,
        /// Why.
        why: Why,
    },
    /// An agent's state.
    Agent(Box<str>),
    /// How a group stands.
    Group(Box<str>),
    /// The numbers, or everything: another node was at work.
    All,
}

/// Why an agent is not shown a call any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Why {
    /// Somebody else has it.
    Taken,
    /// They rejected it.
    Rejected,
    /// They did not answer in time.
    Missed,
    /// It is asked of somebody else, or was taken back.
    Withdrawn,
    /// It was given to somebody else.
    Transferred,
    /// It is over, or with its bot again.
    Ended,
}

/// What an agent may do in a conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Read its log.
    pub reads: bool,
    /// Say something to the customer.
    pub speaks: bool,
    /// Write notes for agents.
    pub notes: bool,
}

fn as_text<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

fn as_text_if<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => as_text(at, serializer),
        None => serializer.serialize_none(),
    }
}
