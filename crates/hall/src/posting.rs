//! Saying something: one commit, then whoever listens and whoever answers.

use std::sync::Arc;
use std::time::Duration;

use maru_activity::{
    Account, Activity, ActivityId, Audience, ConversationId, Kind, Role, Timestamp,
};
use maru_hints::{Hint, Signal};
use maru_store::{
    Change, ClientKey, Conversation, Entry, Meta, NewEntry, Op, Place, Receipt, Route, Turn,
};

use crate::delivery::Watched;
use crate::hall::{Known, notice, user_member};
use crate::{Error, Hall, Handed};

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
    /// Hand it to the bot at most once, and wait this long for what comes of it.
    pub wait: Option<Duration>,
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
            wait: None,
        }
    }
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
            posted.delivered = Some(match outcome {
                Ok(Ok(delivered)) => delivered,
                Ok(Err(_)) | Err(_) => Delivered::TimedOut,
            });
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
        let mut change = Change::to(conversation.id.clone());
        let (role, kind) = (post.role, post.activity.kind.clone());
        let newcomer = role == Role::User && known.add_user(&post.activity.from.id);
        if newcomer {
            self.add_newcomer(&mut change, conversation, &post.activity.from, post.verified);
        }
        let sender: Arc<str> = post.activity.from.id.as_str().into();
        if let Some((protocol, key)) = post.client_key {
            let digest = digest(&post.activity.body);
            change.client_key =
                Some(ClientKey { sender: Arc::clone(&sender), protocol, key, digest });
        }
        let turn = match role {
            Role::User => Turn::Begins,
            Role::Bot => self.turn_of(&known, post.activity.reply_to_id.as_deref()).await?,
            Role::Agent => Turn::None,
        };
        change.entries.push(NewEntry {
            audience: audience(&kind),
            kind: kind.clone(),
            role,
            sender: Arc::clone(&sender),
            turn,
            op: op.map_or(Op::Say, |(op, _)| op),
            body: post.activity.body,
            meta: post.meta,
        });
        let watched = match role {
            Role::User => {
                let id = self.add_delivery(&mut change, post.wait.is_some());
                watch.then(|| Watched::of(self, id))
            }
            Role::Bot | Role::Agent => None,
        };
        let receipt = self.apply(&known, change).await.inspect_err(|_| {
            if newcomer {
                known.remove_user(&sender);
            }
        })?;
        self.inner.metrics.posted(role, &kind, started.elapsed(), &receipt);
        self.notice_if_nobody(&known, role, &kind, &receipt).await;
        let watched = watched.map(|watched| {
            if receipt.repeated {
                Watched::known(Delivered::Taken(None))
            } else if receipt.deliveries.is_empty() {
                Watched::known(Delivered::Nobody)
            } else {
                watched
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

    /// Commits a change, wakes who listens, and hands over what may go at once. All of that happens
    /// in a task of its own: whoever called may be gone (a client that hung up) before it ends.
    pub(crate) async fn apply(&self, known: &Arc<Known>, change: Change) -> Result<Receipt, Error> {
        let (hall, known) = (self.clone(), Arc::clone(known));
        let task = tokio::spawn(async move { hall.apply_here(&known, change).await });
        task.await.map_err(|error| Error::Internal(error.to_string()))?
    }

    async fn apply_here(&self, known: &Arc<Known>, change: Change) -> Result<Receipt, Error> {
        let conversation = &known.conversation;
        // Bodies are shared, not copied.
        let written = change.entries.clone();
        let commit = self.commit_of(&conversation.realm, change);
        let receipt = self.inner.store.commit(commit).await?;
        if receipt.repeated {
            return Ok(receipt);
        }
        let placed = written.into_iter().zip(&receipt.entries);
        let entries: Arc<[Entry]> = placed.map(|(new, at)| entry_of(new, *at)).collect();
        if let Some(last) = entries.last() {
            let next_seq = last.seq + 1;
            let hint = Hint::Grown { next_seq, entries: Some(Arc::clone(&entries)) };
            self.inner.hints.tell(&conversation.realm, &conversation.id, hint);
        }
        for entry in entries.iter().filter(|e| e.role == Role::Bot && !e.meta.system) {
            if let Some(turn) = entry.turn {
                known.answered(turn);
            }
        }
        if !receipt.behind
            && let Some(first) = receipt.deliveries.first()
        {
            let entry = entries.iter().find(|entry| entry.seq == first.seq).cloned();
            self.hand_over(known, first.clone(), entry);
        }
        Ok(receipt)
    }

    fn add_newcomer(
        &self,
        change: &mut Change,
        conversation: &Conversation,
        account: &Account,
        verified: bool,
    ) {
        change.members.push(user_member(conversation, account.clone(), verified));
        if let Some(bot) = self.inner.directory.bot(&conversation.realm, &conversation.bot) {
            self.add_update(change, conversation, &bot, Some(account), None);
        }
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

    /// The turn a bot's words belong to: that of the activity they answer, else the one handed over
    /// last.
    async fn turn_of(&self, known: &Known, reply_to: Option<&str>) -> Result<Turn, Error> {
        let conversation = &known.conversation;
        let answered = reply_to.and_then(|id| ActivityId::parse(conversation.id.as_str(), id));
        let place = match answered {
            None => return Ok(known.turn().map_or(Turn::None, Turn::Of)),
            Some(ActivityId::Pos(pos)) => Place::Pos(pos),
            Some(ActivityId::Hidden(seq)) => Place::Seq(seq),
        };
        // Nearly always it is the turn under way; its entry is then not read again.
        if let Some(turn) = answered.and_then(|id| known.turn_begun_by(id)) {
            return Ok(Turn::Of(turn));
        }
        let entry = self.inner.store.entry(&conversation.realm, &conversation.id, place).await?;
        let turn = entry.and_then(|entry| entry.turn).or_else(|| known.turn());
        Ok(turn.map_or(Turn::None, Turn::Of))
    }

    /// Tells a customer that nobody answers, where that is so.
    async fn notice_if_nobody(
        &self,
        known: &Arc<Known>,
        role: Role,
        kind: &Kind,
        receipt: &Receipt,
    ) {
        let silent = role == Role::User
            && *kind == Kind::Message
            && !receipt.repeated
            && receipt.deliveries.is_empty();
        if !silent {
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

    /// Passes a signal on: to whoever listens, and once to the bot.
    fn signal(&self, conversation: &Arc<Conversation>, post: &Post) -> Posted {
        let at = self.inner.env.now();
        let id: Box<str> =
            format!("{}|t{}", conversation.id, self.inner.env.base62(11)).into_boxed_str();
        let signal = Signal {
            id: id.clone(),
            at,
            role: post.role,
            sender: post.activity.from.id.as_str().into(),
            body: post.activity.body.clone(),
        };
        self.inner.metrics.signals.inc();
        let hint = Hint::Signal(Arc::new(signal));
        self.inner.hints.tell(&conversation.realm, &conversation.id, hint);
        self.hand_signal(Handed {
            delivery: None,
            attempt: 1,
            replay: false,
            conversation: Arc::clone(conversation),
            id: id.clone(),
            at,
            kind: post.activity.kind.clone(),
            role: post.role,
            body: post.activity.body.clone(),
            meta: post.meta.clone(),
            budget: Duration::from_secs(5),
        });
        Posted { id: PostedId::Signal(id), at, repeated: false, delivered: None }
    }
}

/// Who may see an activity of this kind.
pub(crate) fn audience(kind: &Kind) -> Audience {
    match kind {
        Kind::Trace | Kind::ConversationUpdate => Audience::Agents,
        _ => Audience::All,
    }
}

fn entry_of(new: NewEntry, at: maru_store::Placed) -> Entry {
    Entry {
        seq: at.seq,
        pos: at.pos,
        at: at.at,
        audience: new.audience,
        kind: new.kind,
        role: new.role,
        sender: new.sender,
        turn: match new.turn {
            Turn::None => None,
            Turn::Begins => Some(at.seq),
            Turn::Of(seq) => Some(seq),
        },
        op: new.op,
        folded: None,
        body: new.body,
        meta: new.meta,
    }
}

/// FNV-1a over 64 bits: tells two bodies under one client key apart, for a counter. It guards
/// nothing.
fn digest(body: &[u8]) -> u64 {
    body.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
