//! One realm's floor on this node.
//!
//! One task owns what is decided in a realm: orders come to it one after the other, so on one node no
//! two steps are ever under way that could contradict each other, and no lock is held while the store
//! writes. Messages do not come this way; decisions about calls are few. Steps of *other nodes* are met
//! by the versions that every commit expects: whoever comes second reads anew, and steps again.

use std::collections::HashMap;
use std::sync::Arc;

use maru_activity::{ConversationId, RealmId};
use maru_hall::{Error, Hall, TimerWrite, WeakHall};
use maru_notify::Notifier;
use parking_lot::RwLock;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior};

use crate::floor::{Dn, Event, Floor, Jump, Look};
use crate::limits::FOLLOWED_EVERY;
use crate::service::kept::Versions;
use crate::service::metrics::Metrics;
use crate::{Changed, Done, Refusal};

/// How many orders may wait.
const ORDERS_MAX: usize = 1_024;

/// How many changes a listener may be behind before it is told to look at everything anew.
const CHANGES_KEPT: usize = 1_024;

/// How many steps one order may make possible.
const SETTLED_MAX: usize = 10_000;

/// One realm's floor on this node, for whoever looks at it or wants something of it.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) realm: RealmId,
    pub(super) hall: WeakHall,
    pub(super) floor: RwLock<Floor>,
    pub(super) changes: broadcast::Sender<Changed>,
    orders: mpsc::Sender<Order>,
}

/// Something for the room's task to do.
#[derive(Debug)]
pub(super) struct Order {
    what: Asked,
    done: oneshot::Sender<Result<Done, Refusal>>,
}

#[derive(Debug)]
enum Asked {
    /// An event, with timers that are cleared in the same commit, and the route's epoch that must hold.
    Event { event: Event, timers: Vec<TimerWrite>, route_epoch: Option<u64> },
    /// What is known is to be fresh.
    Fresh,
    /// The numbers or the settings were changed.
    Book,
}

/// The task's own.
pub(super) struct Keeper {
    pub(super) room: Arc<Room>,
    pub(super) notifier: Option<Notifier>,
    pub(super) metrics: Metrics,
    pub(super) versions: Versions,
    /// When all of it was read last; `None`: it is to be read before anything is done.
    pub(super) fresh: Option<Instant>,
    /// When the clocks were looked at last.
    pub(super) clocks: Option<Look>,
    /// What is known may be wrong: a commit's answer got lost, or another node was faster.
    pub(super) doubtful: bool,
    pub(super) places: Places,
    /// How many waited here when that was counted last.
    pub(super) waiting: i64,
}

/// Which places customers were told.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub(super) told: HashMap<ConversationId, u32>,
    pub(super) due: HashMap<Dn, Instant>,
}

impl Room {
    /// Opens a realm's floor. Gives it with its task, which ends when `stop` says so.
    pub(super) fn open(
        realm: RealmId,
        hall: WeakHall,
        notifier: Option<Notifier>,
        metrics: Metrics,
        stop: watch::Receiver<bool>,
    ) -> (Arc<Self>, impl Future<Output = ()> + use<>) {
        let (orders, incoming) = mpsc::channel(ORDERS_MAX);
        let room = Arc::new(Self {
            realm,
            hall,
            floor: RwLock::default(),
            changes: broadcast::Sender::new(CHANGES_KEPT),
            orders,
        });
        let keeper = Keeper {
            room: Arc::clone(&room),
            notifier,
            metrics,
            versions: Versions::default(),
            fresh: None,
            clocks: None,
            doubtful: false,
            places: Places::default(),
            waiting: 0,
        };
        (room, keeper.run(incoming, stop))
    }

    /// The hall, unless it is gone.
    pub(super) fn hall(&self) -> Result<Hall, Error> {
        self.hall.upgrade().ok_or_else(|| Error::Unavailable("the server is stopping".into()))
    }

    pub(super) async fn order(&self, event: Event) -> Result<Done, Refusal> {
        self.ask(Asked::Event { event, timers: Vec::new(), route_epoch: None }).await
    }

    pub(super) async fn order_with(
        &self,
        event: Event,
        timers: Vec<TimerWrite>,
        route_epoch: Option<u64>,
    ) -> Result<Done, Refusal> {
        self.ask(Asked::Event { event, timers, route_epoch }).await
    }

    /// Sees to it that what is known is at most a second old.
    pub(super) async fn refresh(&self) -> Result<(), Error> {
        self.plain(Asked::Fresh).await
    }

    /// Reads the numbers and settings anew.
    pub(super) async fn reread_book(&self) -> Result<(), Error> {
        self.plain(Asked::Book).await
    }

    async fn plain(&self, what: Asked) -> Result<(), Error> {
        match self.ask(what).await {
            Ok(_) => Ok(()),
            Err(Refusal::Hall(error)) => Err(error),
            Err(other) => Err(Error::Internal(other.to_string())),
        }
    }

    async fn ask(&self, what: Asked) -> Result<Done, Refusal> {
        let gone = || Refusal::Hall(Error::Unavailable("the desk is closed".into()));
        let (done, answer) = oneshot::channel();
        self.orders.send(Order { what, done }).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    pub(super) fn tell(&self, changed: Changed) {
        // Nobody listens: nobody is to be told.
        let _ = self.changes.send(changed);
    }
}

impl Keeper {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>, mut stop: watch::Receiver<bool>) {
        let mut ticks = tokio::time::interval(FOLLOWED_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut well = true;
        loop {
            let worked = tokio::select! {
                biased;
                () = stopped(&mut stop) => return,
                order = orders.recv() => match order {
                    Some(order) => self.take(order).await,
                    None => return,
                },
                _ = ticks.tick() => self.tick().await,
            };
            // Said once each time, not each second.
            if let Err(error) = &worked
                && well
            {
                tracing::warn!(realm.id = %self.room.realm, %error, "the desk cannot work now");
            }
            well = worked.is_ok();
        }
    }

    /// Does what is asked, answers, then does what that has made possible.
    async fn take(&mut self, order: Order) -> Result<(), Error> {
        let ready = match self.look_at_clocks().await {
            Ok(()) => self.ready(false).await,
            failed => failed,
        };
        let answer = match ready {
            Err(error) => Err(error.into()),
            Ok(()) => match order.what {
                Asked::Event { event, timers, route_epoch } => {
                    self.act(event, timers, route_epoch).await
                }
                Asked::Fresh => Ok(Done::default()),
                Asked::Book => self.load_book().await.map(|()| Done::default()).map_err(Into::into),
            },
        };
        // Whoever asked may have hung up.
        let _ = order.done.send(answer);
        self.settle().await
    }

    async fn tick(&mut self) -> Result<(), Error> {
        self.look_at_clocks().await?;
        // Where nobody on this node wants to know, other nodes see to their own.
        let wanted = self.room.changes.receiver_count() > 0 || self.waiting > 0;
        if self.fresh.is_none() || self.doubtful || wanted {
            self.ready(true).await?;
            self.settle().await?;
        }
        self.tell_places().await
    }

    /// Makes sure that what is known is right, as far as it matters: on a shared store it is at most
    /// a second old, and a commit notices the rest.
    async fn ready(&mut self, tick: bool) -> Result<(), Error> {
        let hall = self.room.hall()?;
        let Some(read) = self.fresh else {
            return self.load().await;
        };
        let old = hall.is_shared() && (tick || read.elapsed() > FOLLOWED_EVERY);
        if old || self.doubtful {
            self.follow(&hall).await?;
        }
        Ok(())
    }

    /// Does whatever one step has made possible for other calls.
    pub(super) async fn settle(&mut self) -> Result<(), Error> {
        let mut last = None;
        for _ in 0..SETTLED_MAX {
            let now = self.room.hall()?.env().now();
            let next = self.room.floor.read().next(now);
            let Some(event) = next else {
                self.count_waiting();
                return Ok(());
            };
            if last.as_ref() == Some(&event) {
                // What is of no effect now is looked at again a second later.
                tracing::error!(realm.id = %self.room.realm, "a step of the desk led nowhere");
                return Ok(());
            }
            match self.act(event.clone(), Vec::new(), None).await {
                Ok(_) => last = Some(event),
                Err(Refusal::Hall(error)) => return Err(error),
                Err(refusal) => return Err(Error::Internal(refusal.to_string())),
            }
        }
        Ok(())
    }
}

impl Keeper {
    /// Puts every deadline as the wall clock was put, so that a clock that is set right ends no call and
    /// takes none from its agent. Nodes on one store have clocks of their own, of which only one may be
    /// wrong: there deadlines stay what they are.
    async fn look_at_clocks(&mut self) -> Result<(), Error> {
        let hall = self.room.hall()?;
        let look = Look { now: hall.env().now(), steady: hall.env().clock.steady() };
        let Some(before) = self.clocks.replace(look) else { return Ok(()) };
        let Some(jump) = Jump::between(before, look) else { return Ok(()) };
        if self.fresh.is_none() || hall.is_shared() {
            return Ok(());
        }
        tracing::warn!(realm.id = %self.room.realm, %jump, "the clock was put, and the desk's deadlines with it");
        let steps = self.room.floor.write().jumped(look.now, jump);
        for step in steps {
            self.keep_all(&hall, look.now, &step).await?;
        }
        Ok(())
    }

    fn count_waiting(&mut self) {
        let waiting = {
            let floor = self.room.floor.read();
            let waiting = floor.queues.values().flat_map(|queue| &queue.waiting);
            i64::try_from(waiting.count()).unwrap_or(i64::MAX)
        };
        self.metrics.waiting.inc_by(waiting - self.waiting);
        self.waiting = waiting;
    }
}

/// Waits until it is said that the task is to end, or nobody is left to say so.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}
