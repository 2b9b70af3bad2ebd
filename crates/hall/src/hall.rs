//! The hall itself: what it holds, and how conversations begin.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use maru_activity::env::Env;
use maru_activity::{
    Account, Activity, Audience, BotId, ConversationId, DeliveryId, Draft, Kind, RealmId, Role,
};
use maru_hints::Hints;
use maru_store::{
    Change, Conversation, DeliveryTo, Head, Member, Meta, NewDelivery, NewEntry, Op, Opening,
    Route, StateWrite, Store, Turn,
};
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::blobs::Blobs;
use crate::delivery::Deliveries;
use crate::directory::{CheckChannel, Setup as DirectorySetup};
use crate::keeping::RetentionRule;
use crate::known::{Known, KnownConversations};
use crate::metrics::Metrics;
use crate::timers::Timers;
use crate::{BotKind, BotRecord, ChannelRecord, Desk, Directory, Error};

/// On a shared store: when a delivery may be picked up by others than whoever committed it. Those are
/// kept from it by the lease, for as long as that one lives; when it has died, and its lease is over
/// some seconds later, nothing more is to be waited for.
const TAKEN_OVER_AFTER: Duration = Duration::from_secs(5);

/// What a hall is made of.
#[derive(Debug)]
pub struct Setup {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// How those who listen are woken.
    pub hints: Arc<dyn Hints>,
    /// Where files are kept.
    pub blobs: Arc<dyn object_store::ObjectStore>,
    /// The clock and the random source.
    pub env: Env,
    /// The kinds of bots there are.
    pub bot_kinds: Vec<Arc<dyn BotKind>>,
    /// The kinds of channels there are, each with the check of its settings.
    pub channel_kinds: Vec<(&'static str, CheckChannel)>,
    /// Limits and defaults.
    pub settings: Settings,
}

/// The hall's limits and defaults.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A delivery that its committer did not settle is picked up by the delivery worker after this
    /// long: after a crash, or under overload.
    pub pickup_after: Duration,
    /// How many conversations may wait in memory for a bot whose attempts are all taken; the others
    /// wait in the store.
    pub waiting_max: usize,
    /// How many conversations are kept at hand in memory.
    pub conversations_max: u64,
    /// How many entries one read gives at most.
    pub page_max: usize,
    /// What the customer is told when nobody answers the conversation. Empty: nothing.
    pub nobody_notice: String,
    /// How long entries are kept, where a channel does not say otherwise.
    pub retention: RetentionRule,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            pickup_after: Duration::from_secs(20),
            waiting_max: 1_024,
            conversations_max: 100_000,
            page_max: 100,
            nobody_notice: "Nobody can answer here at the moment. Your message is kept.".to_owned(),
            retention: RetentionRule::default(),
        }
    }
}

/// The hall. A cheap clone.
#[derive(Clone, Debug)]
pub struct Hall {
    pub(crate) inner: Arc<Inner>,
}

/// A hall that is not kept by whoever has this: for kinds of bots that look into it, since the hall keeps
/// them.
#[derive(Clone, Debug, Default)]
pub struct WeakHall {
    inner: Weak<Inner>,
}

impl WeakHall {
    /// The hall; `None` once it is gone, or if there never was one.
    pub fn upgrade(&self) -> Option<Hall> {
        self.inner.upgrade().map(|inner| Hall { inner })
    }
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) hints: Arc<dyn Hints>,
    pub(crate) blobs: Blobs,
    pub(crate) env: Env,
    pub(crate) settings: Settings,
    pub(crate) directory: Directory,
    pub(crate) deliveries: Deliveries,
    pub(crate) metrics: Metrics,
    pub(crate) timers: Timers,
    pub(crate) desk: OnceLock<Arc<dyn Desk>>,
    pub(crate) tasks: TaskTracker,
    pub(crate) stopping: CancellationToken,
    known: KnownConversations,
}

/// A conversation to begin.
#[derive(Debug)]
pub struct Begin<'a> {
    /// The channel it comes in by.
    pub channel: &'a ChannelRecord,
    /// The channel's name as bots know it: `directline`.
    pub channel_kind: &'static str,
    /// Its id, if it was given out before.
    pub id: Option<ConversationId>,
    /// The bot it is opened with; `None`: the channel's.
    pub bot: Option<BotId>,
    /// Who answers; `None`: that bot, who is told at once who is there. Whoever names another tells the
    /// bot later, if ever ([`Handing::greet`](crate::Handing::greet)).
    pub route: Option<Route>,
    /// The user, if known already, and whether a trusted party vouched for them.
    pub user: Option<(Account, bool)>,
    /// The user's language, for the bot's greeting.
    pub locale: Option<&'a str>,
    /// Small values to write in the same commit. If one is not as it is expected to be, nothing is
    /// begun.
    pub states: Vec<StateWrite>,
}

/// A conversation that was begun.
#[derive(Clone, Debug)]
pub struct Begun {
    /// The conversation.
    pub conversation: Arc<Conversation>,
    /// Whether it was begun just now, and not before.
    pub fresh: bool,
}

impl<'a> Begin<'a> {
    /// A conversation by a channel, with its bot, of nobody yet.
    pub fn by(channel: &'a ChannelRecord, channel_kind: &'static str) -> Self {
        Self {
            channel,
            channel_kind,
            id: None,
            bot: None,
            route: None,
            user: None,
            locale: None,
            states: Vec::new(),
        }
    }
}

impl Hall {
    /// Opens the hall. Nothing moves before [`Hall::start`].
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open(setup: Setup, registry: &mut Registry) -> Result<Self, Error> {
        let Setup { store, hints, blobs, env, bot_kinds, channel_kinds, settings } = setup;
        let directory = Directory::open(DirectorySetup {
            store: Arc::clone(&store),
            hints: Arc::clone(&hints),
            env: env.clone(),
            kinds: bot_kinds,
            channel_kinds,
        });
        let directory = directory.await?;
        let known = KnownConversations::new(settings.conversations_max);
        let inner = Inner {
            blobs: Blobs::new(blobs, Arc::clone(&store), env.clone()),
            deliveries: Deliveries::default(),
            metrics: Metrics::register(registry),
            timers: Timers::default(),
            desk: OnceLock::new(),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            store,
            hints,
            env,
            settings,
            directory,
            known,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Starts the delivery worker, the timers and the housekeeping; on a shared store also what
    /// follows the other processes' work.
    pub fn start(&self) {
        let tasks = &self.inner.tasks;
        tasks.spawn(crate::delivery::work(self.clone()));
        tasks.spawn(crate::timers::run(self.clone()));
        tasks.spawn(crate::keeping::keep(self.clone()));
        if self.inner.store.is_shared() {
            tasks.spawn(crate::following::follow(self.clone()));
        }
    }

    /// Stops: nothing new is handed over, and what is under way gets `grace` to end. What is not
    /// settled by then is handed over again: by another process on the same store at once, else by
    /// the next one.
    pub async fn stop(&self, grace: Duration) {
        self.inner.stopping.cancel();
        self.inner.tasks.close();
        if tokio::time::timeout(grace, self.inner.tasks.wait()).await.is_err() {
            tracing::warn!(open = self.inner.tasks.len(), "turns were still open at the end");
        }
        if let Err(error) = self.inner.store.retire().await {
            tracing::warn!(%error, "others take over only when the leases have expired");
        }
    }

    /// Whether other processes may work on the same store.
    pub fn is_shared(&self) -> bool {
        self.inner.store.is_shared()
    }

    /// Whether hints reach the other nodes now. Without them everyone still sees everything, a
    /// little later.
    pub fn hints_connected(&self) -> bool {
        self.inner.hints.is_connected()
    }

    /// The hall for those whom it keeps itself.
    pub fn downgrade(&self) -> WeakHall {
        WeakHall { inner: Arc::downgrade(&self.inner) }
    }

    /// The records of realms, bots and channels.
    pub fn directory(&self) -> &Directory {
        &self.inner.directory
    }

    /// Where files are kept.
    pub fn blobs(&self) -> &Blobs {
        &self.inner.blobs
    }

    /// The clock and the random source.
    pub fn env(&self) -> &Env {
        &self.inner.env
    }

    /// How often the store was restored: it stands in watermarks.
    pub fn restore_epoch(&self) -> u32 {
        self.inner.store.restore_epoch()
    }

    /// Whether posts can be kept now.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if not.
    pub async fn healthy(&self) -> Result<(), Error> {
        Ok(self.inner.store.healthy().await?)
    }

    /// A fresh conversation id: 22 random base62 characters.
    pub fn new_conversation_id(&self) -> ConversationId {
        ConversationId::from(self.inner.env.base62(22))
    }

    /// Begins a conversation, unless it was begun before: then it is given as it is, and nothing
    /// is said to the bot again.
    ///
    /// # Errors
    /// [`Error::UnknownBot`] if the channel's bot is gone; [`Error::Conflict`] if one of
    /// [`Begin::states`] is not as it was expected; what the store says.
    pub async fn begin(&self, begin: Begin<'_>) -> Result<Begun, Error> {
        let realm = begin.channel.realm.clone();
        let bot = begin.bot.as_ref().unwrap_or(&begin.channel.bot);
        let bot = self.inner.directory.bot(&realm, bot).ok_or(Error::UnknownBot)?;
        let id = begin.id.clone().unwrap_or_else(|| self.new_conversation_id());
        if let Some(conversation) = self.conversation(&realm, &id).await? {
            return Ok(Begun { conversation, fresh: false });
        }
        let conversation = Arc::new(Conversation {
            id: id.clone(),
            realm: realm.clone(),
            channel: begin.channel.id.clone(),
            channel_kind: begin.channel_kind.into(),
            bot: bot.id.clone(),
            opened_at: self.inner.env.now(),
        });
        let mut change = Change::to(id.clone());
        change.open = Some(Opening {
            channel: begin.channel.id.clone(),
            channel_kind: Arc::clone(&conversation.channel_kind),
            bot: bot.id.clone(),
        });
        change.members.push(bot_member(&conversation, &bot));
        let user = begin.user.filter(|(account, _)| !account.id.is_empty());
        if let Some((account, verified)) = &user {
            change.members.push(user_member(&conversation, account.clone(), *verified));
        }
        let joined = user.as_ref().map(|(account, _)| account);
        if begin.route.is_none() {
            self.add_update(&mut change, &conversation, &bot, joined, begin.locale);
        }
        change.route = begin.route;
        let known = self.know(Arc::clone(&conversation), joined.map(|a| a.id.as_str()));
        let mut commit = self.commit_of(&realm, change);
        commit.states = begin.states;
        match self.apply_commit(&known, commit, Duration::ZERO).await {
            Ok(_) => Ok(Begun { conversation, fresh: true }),
            // Someone else began it in the same moment, or one of the small values is not as expected.
            Err(Error::Conflict(what)) => {
                self.inner.known.forget(&realm, &id);
                let conversation = self.conversation(&realm, &id).await?;
                let conversation = conversation.ok_or(Error::Conflict(what))?;
                Ok(Begun { conversation, fresh: false })
            }
            Err(error) => {
                self.inner.known.forget(&realm, &id);
                Err(error)
            }
        }
    }

    /// A conversation's record; `None` if the realm has none of that id.
    ///
    /// # Errors
    /// What the store says.
    pub async fn conversation(
        &self,
        realm: &RealmId,
        id: &ConversationId,
    ) -> Result<Option<Arc<Conversation>>, Error> {
        Ok(self.known(realm, id).await?.map(|known| Arc::clone(&known.conversation)))
    }

    /// Where a conversation stands.
    ///
    /// # Errors
    /// What the store says.
    pub async fn head(&self, conversation: &Conversation) -> Result<Head, Error> {
        let (realm, id) = (&conversation.realm, &conversation.id);
        match self.inner.store.head_now(realm, id) {
            Some(head) => Ok(head),
            None => {
                let head = self.inner.store.head(realm, id).await?;
                head.ok_or(Error::UnknownConversation)
            }
        }
    }

    /// Who takes part in a conversation.
    ///
    /// # Errors
    /// What the store says.
    pub async fn members(&self, conversation: &Conversation) -> Result<Vec<Member>, Error> {
        Ok(self.inner.store.members(&conversation.realm, &conversation.id).await?)
    }

    /// Changes who answers.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the route's epoch is not `epoch` any more.
    pub async fn reroute(
        &self,
        conversation: &Arc<Conversation>,
        route: Route,
        epoch: Option<u64>,
    ) -> Result<u64, Error> {
        let known = self.known(&conversation.realm, &conversation.id).await?;
        let known = known.ok_or(Error::UnknownConversation)?;
        let mut change = Change::to(conversation.id.clone());
        change.expect.route_epoch = epoch;
        change.route = Some(route);
        Ok(self.apply(&known, change).await?.route_epoch)
    }

    pub(crate) async fn known(
        &self,
        realm: &RealmId,
        id: &ConversationId,
    ) -> Result<Option<Arc<Known>>, Error> {
        if let Some(known) = self.inner.known.get(realm, id) {
            return Ok(Some(known));
        }
        let Some(conversation) = self.inner.store.conversation(realm, id).await? else {
            return Ok(None);
        };
        let members = self.inner.store.members(realm, id).await?;
        let known = self.know(Arc::new(conversation), None);
        for member in members.iter().filter(|m| m.role == Role::User) {
            known.add_user(&member.account.id);
        }
        Ok(Some(known))
    }

    fn know(&self, conversation: Arc<Conversation>, user: Option<&str>) -> Arc<Known> {
        self.inner.known.get_or_insert(conversation, user)
    }

    /// Adds the conversationUpdate that tells the bot who came: itself and the user when the
    /// conversation opens, or the user alone when they first speak (direct-line.md §3.1).
    pub(crate) fn add_update(
        &self,
        change: &mut Change,
        conversation: &Conversation,
        bot: &BotRecord,
        user: Option<&Account>,
        locale: Option<&str>,
    ) {
        let opens = change.open.is_some();
        let mut added: Vec<&Account> = Vec::with_capacity(2);
        let account = bot.account();
        if opens {
            added.push(&account);
        }
        added.extend(user);
        let itself = Account { id: conversation.id.to_string(), ..Account::default() };
        let mut draft = Draft::new(&Kind::ConversationUpdate);
        draft.set_value("from", user.unwrap_or(&itself));
        draft.set_value("membersAdded", &added);
        if let Some(locale) = locale {
            draft.set_text("locale", locale);
        }
        let activity = draft.finish().expect("the type was given");
        change.entries.push(NewEntry {
            audience: Audience::Agents,
            kind: Kind::ConversationUpdate,
            role: Role::User,
            sender: user.unwrap_or(&itself).id.as_str().into(),
            turn: Turn::Begins,
            op: Op::Say,
            body: activity.body,
            meta: Meta { system: true, ..Meta::default() },
        });
        self.add_delivery(change, DeliveryId(self.inner.env.uuid()), false);
    }

    /// Adds the delivery of the change's last entry to whoever answers.
    pub(crate) fn add_delivery(&self, change: &mut Change, id: DeliveryId, once: bool) {
        let settings = &self.inner.settings;
        let mut later = settings.pickup_after;
        if self.inner.store.is_shared() {
            later = later.min(TAKEN_OVER_AFTER);
        }
        change.deliveries.push(NewDelivery {
            id,
            entry: change.entries.len() - 1,
            to: DeliveryTo::Route,
            once,
            due_at: self.inner.env.now().after(later),
        });
    }
}

pub(crate) fn bot_member(conversation: &Conversation, bot: &BotRecord) -> Member {
    member(conversation, Role::Bot, bot.account(), true)
}

pub(crate) fn user_member(conversation: &Conversation, account: Account, verified: bool) -> Member {
    member(conversation, Role::User, account, verified)
}

fn member(conversation: &Conversation, role: Role, account: Account, verified: bool) -> Member {
    let person = Member::person_of(&conversation.channel, &account.id);
    Member { role, account, verified, person }
}

/// The activity of a text that the server itself says in the bot's name.
pub(crate) fn notice(bot: &BotRecord, text: &str) -> Activity {
    Activity::message(&bot.account(), text)
}
