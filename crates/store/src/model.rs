//! What comes out of a store.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use maru_activity::{
    Account, ActivityId, Audience, BotId, ChannelId, ConversationId, DeliveryId, Kind, PersonId,
    Pos, RealmId, Role, Seq, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::Op;

/// Who answers a conversation now.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// This bot.
    Bot(BotId),
    /// A group of agents, none of whom has taken it yet.
    Desk(Box<str>),
    /// This agent.
    Agent(Box<str>),
    /// Nobody: what is said is kept, and answered by a notice.
    Nobody,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bot(id) => write!(f, "bot:{id}"),
            Self::Desk(group) => write!(f, "desk:{group}"),
            Self::Agent(id) => write!(f, "agent:{id}"),
            Self::Nobody => f.write_str("nobody"),
        }
    }
}

impl std::str::FromStr for Route {
    type Err = BadRoute;

    fn from_str(text: &str) -> Result<Self, BadRoute> {
        match text.split_once(':') {
            Some(("bot", id)) => Ok(Self::Bot(id.into())),
            Some(("desk", group)) => Ok(Self::Desk(group.into())),
            Some(("agent", id)) => Ok(Self::Agent(id.into())),
            None if text == "nobody" => Ok(Self::Nobody),
            _ => Err(BadRoute(text.into())),
        }
    }
}

/// A text that is no route.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no route: bot:ID, desk:GROUP, agent:ID or nobody")]
pub struct BadRoute(Box<str>);

/// A conversation's record. Its moving parts are in [`Head`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Its public id.
    pub id: ConversationId,
    /// The realm it belongs to.
    pub realm: RealmId,
    /// The channel it came in by.
    pub channel: ChannelId,
    /// The channel's name as bots know it: `directline`.
    pub channel_kind: Arc<str>,
    /// The bot it was opened with; the route says who answers now.
    pub bot: BotId,
    /// When it was opened.
    pub opened_at: Timestamp,
}

/// Where a conversation stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The next entry's seq.
    pub next_seq: Seq,
    /// The next pos.
    pub next_pos: Pos,
    /// The last entry's time; the next one's is not before it.
    pub last_at: Timestamp,
    /// Who answers.
    pub route: Route,
    /// Raised by every change of the route.
    pub route_epoch: u64,
    /// How many deliveries are open.
    pub open: u64,
}

/// What stands beside an activity and never goes over a foreign wire.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// The server itself said it (a notice, a greeting).
    #[serde(default, skip_serializing_if = "is_false")]
    pub system: bool,
    /// The body's attachments hold `blob:` references that Maru itself put there. Only then are
    /// they made into links.
    #[serde(default, skip_serializing_if = "is_false")]
    pub blobs: bool,
    /// The label of the button that the person pressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<String>,
    /// The same thing in the words of the protocol it came by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Meta {
    /// Whether there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A body in a protocol's own words: a channel that speaks it sends this, all others render the
/// portable activity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Native {
    /// The protocol's name.
    pub protocol: String,
    /// The body.
    pub body: serde_json::Value,
}

/// An entry of a conversation's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the log.
    pub seq: Seq,
    /// Its place among what a customer may see.
    pub pos: Option<Pos>,
    /// When it was committed.
    pub at: Timestamp,
    /// Who may see it.
    pub audience: Audience,
    /// What kind of activity it is.
    pub kind: Kind,
    /// On which side its sender stands.
    pub role: Role,
    /// Its sender's id.
    pub sender: Arc<str>,
    /// The turn it belongs to: the seq of the user's activity that began it.
    pub turn: Option<Seq>,
    /// Said, or said again in place of an earlier entry, or taken back.
    pub op: Op,
    /// If this entry was updated or deleted since: the seq of the entry that did so last.
    pub folded: Option<Seq>,
    /// The activity's JSON object less what the server owns; empty once it was erased.
    pub body: Bytes,
    /// What stands beside it.
    pub meta: Meta,
}

impl Entry {
    /// The id of this entry itself. An update or a delete is shown under its target's id instead.
    pub fn id(&self) -> ActivityId {
        self.pos.map_or(ActivityId::Hidden(self.seq), ActivityId::Pos)
    }

    /// Whether the body was erased.
    pub fn is_erased(&self) -> bool {
        self.body.is_empty()
    }
}

/// How far a delivery has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// Not settled yet.
    Open,
    /// The destination took it.
    Settled,
    /// Its schedule is used up, or it was refused: listed, and replayable.
    Dead,
}

/// The obligation to hand one entry to one bot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The same through all attempts and replays.
    pub id: DeliveryId,
    /// The realm of the conversation.
    pub realm: RealmId,
    /// The conversation.
    pub conversation: ConversationId,
    /// The entry to hand over.
    pub seq: Seq,
    /// To whom.
    pub bot: BotId,
    /// How far it has come.
    pub state: DeliveryState,
    /// Tried once, never again.
    pub once: bool,
    /// Set going again by an operator: it comes out of order and says so.
    pub replay: bool,
    /// How many attempts were made.
    pub attempts: u32,
    /// When it was written.
    pub created_at: Timestamp,
    /// When the next attempt may be made.
    pub due_at: Timestamp,
    /// Why it is a dead letter, or why the last attempt failed.
    pub cause: Option<String>,
    /// The epoch of the conversation's lease when this was read. Whoever hands it over settles it
    /// with [`Expect::lease_epoch`](crate::Expect) set to this.
    pub lease: u64,
}

/// One try at a delivery, as it is kept: failures only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// Counted from 1.
    pub number: u32,
    /// When it began.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// What came of it, in a word: `unreachable`, `later`, `failed`, `refused`, `timed_out`.
    pub outcome: String,
    /// The cause, for an operator to read. No message text and no secret.
    pub cause: String,
}

/// Someone who takes part in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// On which side they stand.
    pub role: Role,
    /// Their id and name in the channel.
    pub account: Account,
    /// Whether a trusted party (a signed token) vouched for the id.
    pub verified: bool,
    /// The person, for erasing. Given by the store: a participant's own until they are linked.
    pub person: PersonId,
}

/// A small value kept under (realm, scope, key): records, external ids, protocol state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Unique within its scope.
    pub key: String,
    /// Counts the writes, from 1.
    pub version: u64,
    /// When it was written.
    pub at: Timestamp,
    /// The value.
    pub value: Bytes,
}

/// Something to do at a time, which a restart does not forget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timer {
    /// The realm.
    pub realm: RealmId,
    /// Whose timer it is: a protocol or a service.
    pub scope: String,
    /// Unique within its scope.
    pub key: String,
    /// When it is due.
    pub due_at: Timestamp,
    /// What its owner wants to know again.
    pub value: Bytes,
}

/// The `blob:` references among a body's attachments. They are Maru's own only where
/// [`Meta::blobs`] says so.
pub fn blob_references(body: &[u8]) -> Vec<String> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        attachments: Vec<serde_json::Value>,
    }
    let attachments =
        serde_json::from_slice::<Body>(body).map(|body| body.attachments).unwrap_or_default();
    let links = attachments.iter().flat_map(|attachment| {
        ["contentUrl", "thumbnailUrl"].into_iter().filter_map(|name| attachment.get(name)?.as_str())
    });
    links.filter(|link| link.starts_with("blob:")).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_attachments_own_references_count() {
        let body = br#"{"type":"message","text":"blob:no","attachments":[
            {"contentUrl":"blob:a","thumbnailUrl":"blob:b"},{"contentUrl":"https://x/blob:no"},7]}"#;
        assert_eq!(blob_references(body), ["blob:a", "blob:b"]);
        assert!(blob_references(b"not json").is_empty());
    }
}
