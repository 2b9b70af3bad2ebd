//! People who answer, as doors and bots see them.
//!
//! The hall knows that a conversation may be routed to people ([`Route::Desk`](crate::Route::Desk),
//! [`Route::Agent`](crate::Route::Agent)), and that a bot may ask for them. Who they are, who is free and
//! whose turn it is, is for the [`Desk`] that was given to it. What the desk does to a conversation stands
//! in its log, as activities: so every channel can tell its user of it in its own words, and none has to
//! know the desk.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use maru_activity::{Account, BotId, RealmId, Timestamp};
use maru_store::{Conversation, NewEntry, TimerWrite};
use serde::{Deserialize, Serialize};

use crate::{Error, Hall};

/// The name of the `event` activity by which a bot asks for a human (the Bot Framework's handoff
/// protocol). Its value is the context.
pub const HANDOFF_ASKED: &str = "handoff.initiate";

/// The name of the `event` activity that says how a call or a handoff stands. Its value is a
/// [`CallStatus`].
pub const HANDOFF_STATUS: &str = "handoff.status";

/// The name of the `event` *signal* that says how many wait before this customer. Its value is a
/// [`QueuePlace`].
pub const QUEUE_PLACE: &str = "handoff.queue";

/// The scope of the timers by which a desk learns that a bot has asked for a human. The key is the
/// conversation's id, the value the activity's body; it is set in the commit of that activity and due
/// at once.
pub const HANDOFF_TIMERS: &str = "handoff";

/// What stands behind the conversation's id in the key of the timer by which a desk learns that a bot
/// ended the conversation.
pub const BOT_ENDED: &str = "/ended";

/// How long after that it is due: bots say so right after they have asked for a human, and that comes
/// first.
const BOT_ENDED_AFTER: std::time::Duration = std::time::Duration::from_secs(1);

/// Whoever takes conversations to people.
#[async_trait]
pub trait Desk: Debug + Send + Sync {
    /// Where a number leads; `None` if the realm has no such number.
    ///
    /// # Errors
    /// What the store says.
    async fn dial(&self, realm: &RealmId, dn: &str) -> Result<Option<Dialed>, Error>;

    /// Takes a call: from here on the conversation's route is the desk's to change. Everything that the
    /// customer is to be told stands in the log, from `trying` on. A call that was taken before is left
    /// as it is.
    ///
    /// # Errors
    /// What the store says.
    async fn admit(&self, conversation: &Arc<Conversation>, call: Call) -> Result<(), Error>;

    /// What a customer did whose call it is. Of no effect on a call that is over, or that is not the
    /// desk's.
    ///
    /// # Errors
    /// What the store says.
    async fn customer(
        &self,
        conversation: &Arc<Conversation>,
        what: CustomerDid,
    ) -> Result<(), Error>;
}

/// Where a number leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialed {
    /// The number itself; of an alias the number behind it.
    pub dn: Arc<str>,
    /// The bot that answers, if it is a virtual agent's number.
    pub bot: Option<BotId>,
}

/// A call.
#[derive(Clone, Debug)]
pub struct Call {
    /// The number that was dialed, as it was dialed.
    pub dn: Arc<str>,
    /// Who calls.
    pub customer: Account,
    /// Whether a trusted party vouched for them.
    pub verified: bool,
    /// Their language, as a BCP 47 tag.
    pub locale: Option<Box<str>>,
    /// What else agents are shown: the page the customer is on, and so on. A JSON object.
    pub context: serde_json::Map<String, serde_json::Value>,
}

/// What a customer did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CustomerDid {
    /// They ended the call.
    Left,
    /// Their link broke. `link` counts the links of this call: what is said of an older one than the
    /// newest is passed over.
    Lost {
        /// The link.
        link: u64,
    },
    /// They are back, by a new link.
    Back {
        /// The link.
        link: u64,
    },
}

/// How a call stands. Codes and phrases are those of SIP (RFC 3261), which the clients of
/// web-chat-desk.md show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallStatus {
    /// What has come about.
    pub state: CallState,
    /// Its code: 100, 180, 181, 182, 200, 403, 404, 408, 480, 486, 487, 503, 603.
    pub code: u16,
    /// Its reason phrase: `Ringing`, `Busy Here`, `Call terminated`.
    pub message: Box<str>,
    /// Who answered, joined, left or was transferred to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party: Option<Party>,
    /// The number of the virtual agent by which the call came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub virtual_agent: Option<Box<str>>,
    /// Who ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<By>,
}

/// What has come about in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CallState {
    /// It was taken in (100).
    Trying,
    /// An agent is being asked (180). Said once.
    Ringing,
    /// It goes on to somebody else (181).
    Forwarded,
    /// It waits (182).
    Queued,
    /// Somebody answered (200): the word of the Bot Framework's handoff protocol. Said once a call,
    /// and once a handoff.
    Accepted,
    /// Somebody joined.
    Joined,
    /// Somebody left.
    Left,
    /// It has been given to somebody else.
    Transferred,
    /// It is held.
    Held,
    /// It is held no more.
    Resumed,
    /// It could not be given to somebody else, and is where it was; or nobody answered a handoff.
    Failed,
    /// It is over: the value of a call's `endOfConversation`, or the end of a handoff after which the
    /// bot answers again.
    Completed,
}

/// Somebody who answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// Their number.
    pub dn: Box<str>,
    /// The name shown to the customer.
    pub name: Box<str>,
    /// What they are.
    pub kind: PartyKind,
}

/// What somebody who answers is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PartyKind {
    /// A human.
    Agent,
    /// A bot.
    Bot,
}

/// Who ended a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// The customer.
    Customer,
    /// The agent.
    Agent,
    /// The bot.
    Bot,
    /// The server: a time was up, or nobody was there.
    System,
}

/// How many wait before a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuePlace {
    /// Their place, from 1.
    pub pos: u32,
    /// How many are before them.
    pub ahead: u32,
    /// How long it will take by what was seen lately, in seconds; `None` if nothing was.
    pub eta: Option<u32>,
}

impl Hall {
    /// Gives the hall its desk; before [`Hall::start`], and once: a later one is passed over.
    pub fn set_desk(&self, desk: Arc<dyn Desk>) {
        if self.inner.desk.set(desk).is_err() {
            tracing::warn!("there is a desk already");
        }
    }

    /// The desk; `None` if nobody takes conversations to people.
    pub fn desk(&self) -> Option<&Arc<dyn Desk>> {
        self.inner.desk.get()
    }

    /// The timers that tell the desk of bots that ask for a human, or end the conversation, among what
    /// is being committed.
    pub(crate) fn asked_of_desk(
        &self,
        conversation: &Conversation,
        entries: &[NewEntry],
        now: Timestamp,
    ) -> impl Iterator<Item = TimerWrite> {
        let by_bots = || entries.iter().filter(|entry| entry.role == maru_activity::Role::Bot);
        let asks = by_bots().rfind(|entry| asks_for_human(entry));
        let asks = asks.filter(|_| !self.hands_over_itself(conversation));
        let ends = by_bots().rfind(|entry| entry.kind == maru_activity::Kind::EndOfConversation);
        let timer = |key: String, due: Timestamp, entry: &NewEntry| TimerWrite {
            scope: HANDOFF_TIMERS.to_owned(),
            key,
            expect: None,
            set: Some((due, entry.body.clone())),
        };
        let id = &conversation.id;
        let asks = asks.map(|entry| timer(id.to_string(), now, entry));
        let ends =
            ends.map(|entry| timer(format!("{id}{BOT_ENDED}"), now.after(BOT_ENDED_AFTER), entry));
        asks.into_iter().chain(ends).filter(|_| self.desk().is_some())
    }

    /// Whether the channel gives its users to the humans of the platform that they come from.
    fn hands_over_itself(&self, conversation: &Conversation) -> bool {
        let channel = self.directory().channel(&conversation.realm, &conversation.channel);
        channel.is_some_and(|channel| channel.hands_over_itself())
    }
}

fn asks_for_human(entry: &NewEntry) -> bool {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        name: std::borrow::Cow<'a, str>,
    }
    entry.kind == maru_activity::Kind::Event
        && serde_json::from_slice::<Named<'_>>(&entry.body)
            .is_ok_and(|named| named.name == HANDOFF_ASKED)
}
