//! The service around the machine: it keeps what the machine knows, writes what it says, and sees to
//! its deadlines.

mod acting;
mod asked;
mod error;
mod kept;
mod loading;
mod metrics;
mod numbers;
mod places;
mod room;
mod showing;
mod speaking;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use maru_activity::{ConversationId, RealmId};
use maru_hall::{Error, Hall, WeakHall};
use maru_notify::Notifier;
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use tokio::sync::{broadcast, watch};
use tokio_util::task::TaskTracker;

use crate::floor::Event;
use crate::limits::{LINK_HOLDS, LINK_RENEWED};
use crate::{
    AgentState, AgentView, Changed, ChatView, Command, DnView, Done, GroupStats, Refusal, Standing,
};
pub use error::DeskError;
use metrics::Metrics;
use room::Room;
pub use speaking::CODES;

/// What the service is made of.
#[derive(Debug)]
pub struct Setup {
    /// Where everything is kept and said.
    pub hall: Hall,
    /// Who tells the operator of agents that do not answer; `None`: nobody.
    pub notifier: Option<Notifier>,
}

/// The agent desk.
pub struct Service {
    hall: WeakHall,
    notifier: Option<Notifier>,
    metrics: Metrics,
    rooms: Mutex<HashMap<RealmId, Arc<Room>>>,
    tasks: TaskTracker,
    stop: watch::Sender<bool>,
}

impl Service {
    /// Makes it, and registers its numbers as `desk_…`; hand in the registry with the program's prefix.
    pub fn new(setup: Setup, registry: &mut Registry) -> Arc<Self> {
        Arc::new(Self {
            hall: setup.hall.downgrade(),
            notifier: setup.notifier,
            metrics: Metrics::register(registry),
            rooms: Mutex::default(),
            tasks: TaskTracker::new(),
            stop: watch::Sender::new(false),
        })
    }

    /// Makes it the hall's desk; before [`Hall::start`].
    pub fn install(self: &Arc<Self>) {
        if let Some(hall) = self.hall.upgrade() {
            hall.set_desk(Arc::clone(self) as _);
            hall.on_timer(Arc::new(asked::Deadlines(Arc::clone(self))));
            hall.on_timer(Arc::new(asked::Bots(Arc::clone(self))));
        }
    }

    /// Looks at the queues of these realms again: a process that ended between two steps must not leave
    /// a customer waiting beside an agent who is free. After [`Hall::start`].
    pub fn start(&self, realms: impl IntoIterator<Item = RealmId>) {
        for realm in realms {
            // Its task reads the floor at its first tick.
            self.room(&realm);
        }
    }

    /// Stops deciding, once what is being decided is kept.
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// An agent's page has a link, under a name of its own. An agent may have several.
    ///
    /// # Errors
    /// [`Refusal::NoSuchAgent`]; what the hall says.
    pub async fn agent_linked(&self, realm: &RealmId, dn: &str, link: &str) -> Result<(), Refusal> {
        let room = self.room(realm);
        let until = room.hall()?.env().now().after(LINK_HOLDS);
        room.order(Event::Linked { agent: dn.into(), link: link.into(), until }).await?;
        Ok(())
    }

    /// A link gave a sign of life. Call it at each: it is written down at most every 20 seconds.
    ///
    /// # Errors
    /// As of [`Service::agent_linked`].
    pub async fn agent_link_alive(
        &self,
        realm: &RealmId,
        dn: &str,
        link: &str,
    ) -> Result<(), Refusal> {
        let room = self.room(realm);
        let now = room.hall()?.env().now();
        let until = room.floor.read().agents.get(dn).and_then(|a| a.links.get(link).copied());
        if until.is_some_and(|until| until > now.after(LINK_HOLDS - LINK_RENEWED)) {
            return Ok(());
        }
        self.agent_linked(realm, dn, link).await
    }

    /// A link is gone.
    ///
    /// # Errors
    /// As of [`Service::agent_linked`].
    pub async fn agent_link_lost(
        &self,
        realm: &RealmId,
        dn: &str,
        link: &str,
    ) -> Result<(), Refusal> {
        let room = self.room(realm);
        room.order(Event::Unlinked { agent: dn.into(), link: link.into() }).await?;
        Ok(())
    }

    /// An agent does something. That it is they, the caller has made sure of.
    ///
    /// # Errors
    /// [`Refusal`] says why not; nothing has happened then.
    pub async fn command(
        &self,
        realm: &RealmId,
        dn: &str,
        command: Command,
    ) -> Result<Done, Refusal> {
        self.room(realm).order(Event::Command { agent: dn.into(), command }).await
    }

    /// Everything that an agent is shown. Whoever goes on with [`Service::watch`] calls that first.
    ///
    /// # Errors
    /// [`Refusal::NoSuchAgent`]; what the hall says.
    pub async fn snapshot(&self, realm: &RealmId, dn: &str) -> Result<AgentView, Refusal> {
        let room = self.room(realm);
        room.refresh().await?;
        if room.floor.read().agent_state(dn).is_none() && room.hall()?.is_shared() {
            // The number may have been made on another node a moment ago.
            room.reread_book().await?;
        }
        let now = room.hall()?.env().now();
        let (mut view, calls) = {
            let floor = room.floor.read();
            let state = floor.agent_state(dn).ok_or(Refusal::NoSuchAgent)?;
            let (dns, stats) = (floor.dn_views(now), floor.stats_of(dn, now));
            (AgentView { state, chats: Vec::new(), dns, stats }, floor.calls_of(dn))
        };
        for call in calls {
            view.chats.extend(self.chat(realm, dn, &call).await?);
        }
        Ok(view)
    }

    /// A call, as an agent is shown it; `None` if it is none of theirs.
    ///
    /// # Errors
    /// What the hall says.
    pub async fn chat(
        &self,
        realm: &RealmId,
        dn: &str,
        call: &ConversationId,
    ) -> Result<Option<ChatView>, Refusal> {
        let room = self.room(realm);
        let view = room.floor.read().chat_view(dn, call);
        let Some(mut view) = view else { return Ok(None) };
        let hall = room.hall()?;
        if let Some(conversation) = hall.conversation(realm, call).await? {
            view.head = hall.head(&conversation).await?.next_seq;
        }
        Ok(Some(view))
    }

    /// An agent's state; `None` if the realm has none of this number.
    pub fn state(&self, realm: &RealmId, dn: &str) -> Option<AgentState> {
        self.room(realm).floor.read().agent_state(dn)
    }

    /// How an agent's groups stand.
    pub fn stats(&self, realm: &RealmId, dn: &str) -> Vec<GroupStats> {
        let room = self.room(realm);
        let Ok(hall) = room.hall() else { return Vec::new() };
        let now = hall.env().now();
        room.floor.read().stats_of(dn, now)
    }

    /// The numbers that a call can be given to.
    pub fn dns(&self, realm: &RealmId) -> Vec<DnView> {
        let room = self.room(realm);
        let Ok(hall) = room.hall() else { return Vec::new() };
        let now = hall.env().now();
        room.floor.read().dn_views(now)
    }

    /// What an agent may do in a conversation, as this node knows it.
    pub fn standing(&self, realm: &RealmId, dn: &str, call: &ConversationId) -> Standing {
        self.room(realm).floor.read().standing(dn, call)
    }

    /// What changes from now on. Whoever lags, or is told of [`Changed::All`], looks at everything anew.
    pub fn watch(&self, realm: &RealmId) -> broadcast::Receiver<Changed> {
        self.room(realm).changes.subscribe()
    }

    fn room(&self, realm: &RealmId) -> Arc<Room> {
        let mut rooms = self.rooms.lock();
        if let Some(room) = rooms.get(realm) {
            return Arc::clone(room);
        }
        let (hall, notifier) = (self.hall.clone(), self.notifier.clone());
        let (metrics, stop) = (self.metrics.clone(), self.stop.subscribe());
        let (room, work) = Room::open(realm.clone(), hall, notifier, metrics, stop);
        self.tasks.spawn(work);
        rooms.insert(realm.clone(), Arc::clone(&room));
        room
    }

    fn hall(&self) -> Result<Hall, Error> {
        self.hall.upgrade().ok_or_else(|| Error::Unavailable("the server is stopping".into()))
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("realms", &self.rooms.lock().len()).finish_non_exhaustive()
    }
}
