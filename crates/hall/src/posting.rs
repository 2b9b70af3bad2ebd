//! Saying something: one commit, then whoever listens and whoever answers.

use std::sync::Arc;
use std::time::Duration;

use maru_activity::{
    Account, Activity, ActivityId, Audience, ConversationId, DeliveryId, Kind, Role, Timestamp,
};
use maru_store::{
    Change, ClientKey, Commit, Conversation, KNOWN_MEMBER, Meta, NewEntry, Op, Place, Receipt,
    Route, StateWrite, TimerWrite, Turn,
};

use crate::delivery::Watched;
use crate::hall::{notice, user_member};
use crate::known::Known;
use crate::{Error, Hall};

/// Something to say.
#[derive(Debug)]
pub struct Post {
    /// What is said. Its `from.id` is the sender.
    pub activity: Activity,
    /// On which side the sender stands.
    pub role: Role,
    /// Whether a trusted party vouched for the sender's id.
    pub verified: bool,
    /// What stands beside it.
    pub meta: Meta,
    /// The idempotency key that the client gave, and its protocol.
    pub client_key: Option<(&'static str, Box<str>)>,
    /// Said, said again, or taken back.
    pub op: PostOp,
    /// Who may see it; `None`: whoever may see activities of its kind.
    pub audience: Option<Audience>,
    /// Hand it to the bot at most once, and wait this long for what comes of it.
    pub wait: Option<Duration>,
    /// Small values to write in the same commit.
    pub states: Vec<StateWrite>,
    /// Timers to set, move or clear in the same commit.
    pub timers: Vec<TimerWrite>,
}

impl Post {
    /// A post of a user.
    pub fn user(activity: Activity) -> Self {
        Self::of(activity, Role::User)
    }

    /// A post of a bot.
    pub fn bot(activity: Activity) -> Self {
        Self::of(activity, Role::Bot)
    }

    fn of(activity: Activity, role: Role) -> Self {
        Self {
            activity,
            role,
            verified: false,
            meta: Meta::default(),
            client_key: None,
            op: PostOp::Say,
            audience: None,
            wait: None,
            states: Vec::new(),
            timers: Vec::new(),
        }
    }
}

/// What a post commits.
#[derive(Clone)]
struct Saying {
    entry: NewEntry,
    client_key: Option<ClientKey>,
    /// The delivery to whoever answers, and whether it is tried once only.
    delivery: Option<(DeliveryId, bool)>,
    states: Vec<StateWrite>,
    timers: Vec<TimerWrite>,
}

/// What a post does to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostOp {
    /// It says something.
    Say,
    /// It takes the place of this activity.
    Update(ActivityId),
    /// It takes this activity back.
    Delete(ActivityId),
}

/// What a post came to.
#[derive(Clone, Debug)]
pub struct Posted {
    /// The activity's id, less the conversation's in front. An update has its target's.
    pub id: PostedId,
    /// When it was committed.
    pub at: Timestamp,
    /// The client key was used before: this is the first answer again.
    pub repeated: bool,
    /// What came of the delivery, if that was waited for.
    pub delivered: Option<Delivered>,
}

/// The id under which a post is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PostedId {
    /// An entry of the log.
    Entry(ActivityId),
    /// A signal, which is in no log: an opaque id.
    Signal(Box<str>),
}

impl PostedId {
    /// The whole id, as clients and bots see it.
    pub fn in_conversation(&self, conversation: &ConversationId) -> String {
        match self {
            Self::Entry(id) => id.in_conversation(conversation.as_str()),
            Self::Signal(id) => id.to_string(),
        }
    }
}

/// What came of a delivery that was waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// The bot took it; with an invoke's result.
    Taken(Option<bytes::Bytes>),
    /// It did not, with the HTTP status it gave, if it gave one.
    Failed(Option<u16>),
    /// No answer came in time.
    TimedOut,
    /// Nobody is there to take it.
    Nobody,
}

impl Hall {
    /// Says something in a conversation: answers when the disk has it. A user's `typing` becomes a
    /// signal and is not kept.
    ///
    /// # Errors
    /// [`Error::UnknownActivity`] for an update or delete of what is not there or not the sender's
    /// own; what the store says.
    pub async fn post(
        &self,
        conversation: &Arc<Conversation>,
        post: Post,
    ) -> Result<Posted, Error> {
        let wait = post.wait;
        let (mut posted, watched) = self.post_watched(conversation, post, wait.is_some()).await?;
        if let Some((budget, watched)) = wait.zip(watched) {
            // Whoever gives up waiting leaves; the delivery goes on.
            let outcome = tokio::time::timeout(budget, watched).await;
            posted.delivered = Some(outcome.unwrap_or(Delivered::TimedOut));
        }
        Ok(posted)
    }

    /// Says something and, if `watch`, gives what will come of its delivery.
    pub(crate) async fn post_watched(
        &self,
        conversation: &Arc<Conversation>,
        post: Post,
        watch: bool,
    ) -> Result<(Posted, Option<Watched>), Error> {
        if post.role == Role::User && post.activity.kind == Kind::Typing {
            let taken = watch.then(|| Watched::known(Delivered::Taken(None)));
            return Ok((self.signal(conversation, &post), taken));
        }
        let known = self.known(&conversation.realm, &conversation.id).await?;
        let known = known.ok_or(Error::UnknownConversation)?;
        let op = self.resolve(conversation, post.role, post.op).await?;
        let started = tokio::time::Instant::now();
        let (role, kind) = (post.role, post.activity.kind.clone());
        let turn = match role {
            Role::User => Turn::Begins,
            Role::Bot => self.turn_of(&known, post.activity.reply_to_id.as_deref()).await?,
            Role::Agent => Turn::None,
        };
        let once = post.wait.is_some();
        let newcomer = role == Role::User && known.add_user(&post.activity.from.id);
        let newcomer = newcomer.then(|| (post.activity.from.clone(), post.verified));
        let asks = role == Role::User && post.audience != Some(Audience::Agents);
        let saying = Saying {
            client_key: client_key(&post),
            entry: NewEntry {
                audience: post.audience.unwrap_or_else(|| audience(&kind)),
                kind: kind.clone(),
                role,
                sender: post.activity.from.id.as_str().into(),
                turn,
                op: op.map_or(Op::Say, |(op, _)| op),
                body: post.activity.body,
                meta: post.meta,
            },
            delivery: asks.then(|| (DeliveryId(self.inner.env.uuid()), once)),
            states: post.states,
            timers: post.timers,
        };
        let watched = saying.delivery.filter(|_| watch);
        let watched = watched.map(|(id, _)| Watched::of(self, &conversation.realm, id));
        let receipt = self.say(&known, saying, newcomer).await?;
        self.inner.metrics.posted(role, &kind, started.elapsed(), &receipt);
        if asks && kind == Kind::Message {
            self.notice_if_nobody(&known, &receipt).await;
        }
        let watched = watched.map(|watched| {
            if receipt.repeated {
                Watched::known(Delivered::Taken(None))
            } else if receipt.deliveries.is_empty() {
                Watched::known(Delivered::Nobody)
            } else if receipt.leased {
                watched
            } else {
                watched.elsewhere()
            }
        });
        let placed = receipt.entries.last().copied();
        let placed = placed.ok_or_else(|| Error::Internal("a commit without a place".into()))?;
        let own = placed.pos.map_or(ActivityId::Hidden(placed.seq), ActivityId::Pos);
        let posted = Posted {
            id: PostedId::Entry(op.map_or(own, |(_, target)| target)),
            at: placed.at,
            repeated: receipt.repeated,
            delivered: None,
        };
        Ok((posted, watched))
    }

    /// Commits what is said, and with a newcomer's first words who they are. Another node may have
    /// seen them first: then it has said so, and this one says only what they say.
    async fn say(
        &self,
        known: &Arc<Known>,
        saying: Saying,
        newcomer: Option<(Account, bool)>,
    ) -> Result<Receipt, Error> {
        let conversation = &known.conversation;
        let Some((account, verified)) = newcomer else {
            let commit = self.commit_to_say(conversation, saying, None);
            return self.apply_commit(known, commit, Duration::ZERO).await;
        };
        let first = self.commit_to_say(conversation, saying.clone(), Some((&account, verified)));
        match self.apply_commit(known, first, Duration::ZERO).await {
            Err(Error::Conflict(KNOWN_MEMBER)) => {
                let commit = self.commit_to_say(conversation, saying, None);
                self.apply_commit(known, commit, Duration::ZERO).await
            }
            Err(error) => {
                known.remove_user(&account.id);
                Err(error)
            }
            said => said,
        }
    }

    fn commit_to_say(
        &self,
        conversation: &Conversation,
        saying: Saying,
        newcomer: Option<(&Account, bool)>,
    ) -> Commit {
        let mut change = Change::to(conversation.id.clone());
        if let Some((account, verified)) = newcomer {
            change.expect.newcomer = Some(account.id.as_str().into());
            change.members.push(user_member(conversation, account.clone(), verified));
            if let Some(bot) = self.inner.directory.bot(&conversation.realm, &conversation.bot) {
                self.add_update(&mut change, conversation, &bot, Some(account), None);
            }
        }
        change.client_key = saying.client_key;
        change.entries.push(saying.entry);
        if let Some((id, once)) = saying.delivery {
            self.add_delivery(&mut change, id, once);
        }
        let mut commit = self.commit_of(&conversation.realm, change);
        (commit.states, commit.timers) = (saying.states, saying.timers);
        commit
    }

    /// Finds what an update or delete is about: only an activity of the same side, which was not
    /// taken back.
    async fn resolve(
        &self,
        conversation: &Conversation,
        role: Role,
        op: PostOp,
    ) -> Result<Option<(Op, ActivityId)>, Error> {
        let (PostOp::Update(id) | PostOp::Delete(id)) = op else {
            return Ok(None);
        };
        let place = match id {
            ActivityId::Pos(pos) => Place::Pos(pos),
            ActivityId::Hidden(seq) => Place::Seq(seq),
        };
        let (realm, conversation) = (&conversation.realm, &conversation.id);
        let entry = self.inner.store.entry(realm, conversation, place).await?;
        let entry = entry.filter(|e| e.op == Op::Say && e.role == role && e.id() == id);
        let entry = entry.ok_or(Error::UnknownActivity)?;
        if let Some(folded) = entry.folded {
            let last = self.inner.store.entry(realm, conversation, Place::Seq(folded)).await?;
            if last.is_some_and(|last| matches!(last.op, Op::Delete(_))) {
                return Err(Error::UnknownActivity);
            }
        }
        let op = match op {
            PostOp::Delete(_) => Op::Delete(entry.seq),
            _ => Op::Update(entry.seq),
        };
        Ok(Some((op, id)))
    }

    /// Tells a customer that nobody answers, where that is so.
    async fn notice_if_nobody(&self, known: &Arc<Known>, receipt: &Receipt) {
        if receipt.repeated || !receipt.deliveries.is_empty() {
            return;
        }
        match &receipt.route {
            Route::Nobody | Route::Bot(_) => {
                self.say_notice(known, &self.inner.settings.nobody_notice).await;
            }
            Route::Desk(_) | Route::Agent(_) => {}
        }
    }

    /// Says something in the bot's name. A notice that cannot be kept is logged: what the customer
    /// said is safe without it.
    pub(crate) async fn say_notice(&self, known: &Arc<Known>, text: &str) {
        let conversation = &known.conversation;
        let bot = self.inner.directory.bot(&conversation.realm, &conversation.bot);
        let (false, Some(bot)) = (text.is_empty(), bot) else {
            return;
        };
        let activity = notice(&bot, text);
        let mut change = Change::to(conversation.id.clone());
        change.entries.push(NewEntry {
            audience: Audience::All,
            kind: Kind::Message,
            role: Role::Bot,
            sender: bot.id.as_str().into(),
            turn: Turn::None,
            op: Op::Say,
            body: activity.body,
            meta: Meta { system: true, ..Meta::default() },
        });
        if let Err(error) = self.apply(known, change).await {
            tracing::warn!(conversation.id = %conversation.id, %error, "a notice was not said");
        }
    }
}

/// Who may see an activity of this kind.
pub(crate) fn audience(kind: &Kind) -> Audience {
    match kind {
        Kind::Trace | Kind::ConversationUpdate => Audience::Agents,
        _ => Audience::All,
    }
}

fn client_key(post: &Post) -> Option<ClientKey> {
    let (protocol, key) = post.client_key.clone()?;
    let (sender, digest) = (post.activity.from.id.as_str().into(), digest(&post.activity.body));
    Some(ClientKey { sender, protocol, key, digest })
}

/// FNV-1a, by words of eight bytes: tells two bodies under one client key apart, for a counter. It
/// guards nothing.
fn digest(body: &[u8]) -> u64 {
    let step = |hash: u64, word: u64| (hash ^ word).wrapping_mul(0x0000_0100_0000_01b3);
    let (words, rest) = body.as_chunks();
    let words = words.iter().map(|word| u64::from_le_bytes(*word));
    words.chain(rest.iter().copied().map(u64::from)).fold(0xcbf2_9ce4_8422_2325, step)
}
