//! Who is alive, and who may hand a conversation's deliveries over.
//!
//! Each store that is open has a row in `nodes`, and makes it valid for a while longer from time to
//! time, by the database's clock. A conversation's lease is its owner's for as long as that row is
//! valid. Whoever takes it over raises its epoch, which late writes of the former owner then do not
//! meet: so it does not matter whether that one noticed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, oneshot};
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use crate::db::Db;
use crate::fault::Fault;
use crate::numbers::{Numbers, add};
use crate::session::now;
use crate::text::Text;

/// How long a heartbeat may take.
const BEAT_MAX: Duration = Duration::from_secs(2);

/// After how many heartbeats the rows of the dead are swept away.
const SWEEP_EVERY: u32 = 300;

/// How long the dead are remembered, in microseconds.
const REMEMBERED: i64 = 3_600_000_000;

const BEAT: &str = concat!(
    "INSERT INTO nodes (id, name, until) VALUES ($1, $2, ",
    now!(),
    " + $3) ON CONFLICT (id) DO UPDATE SET until = excluded.until"
);
const RETIRE: &str = "DELETE FROM nodes WHERE id = $1";
const SWEEP: &str = concat!("DELETE FROM nodes WHERE until < ", now!(), " - $1");

/// This process, as others see it.
#[derive(Debug)]
pub(crate) struct Node {
    id: Uuid,
    name: String,
    lease: Duration,
    retired: AtomicBool,
    /// Held while the row is written, so that a heartbeat does not bring it back.
    row: Mutex<()>,
}

impl Node {
    pub(crate) fn new(id: Uuid, name: String, lease: Duration) -> Self {
        Self { id, name, lease, retired: AtomicBool::new(false), row: Mutex::new(()) }
    }

    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    /// The id, for as long as this process hands anything over.
    pub(crate) fn id_if_active(&self) -> Option<Uuid> {
        (!self.retired.load(Ordering::Acquire)).then_some(self.id)
    }

    /// Says that this process is alive.
    pub(crate) async fn beat(&self, db: &Db) -> Result<(), Fault> {
        let _row = self.row.lock().await;
        if self.id_if_active().is_none() {
            return Ok(());
        }
        let lent = db.lend_for(BEAT_MAX).await?;
        let lease = i64::try_from(self.lease.as_micros()).unwrap_or(i64::MAX);
        lent.execute(BEAT, &[&self.id, &Text(&self.name), &lease]).await.map(|_| ())
    }

    /// Frees all leases. From now on this process takes none.
    pub(crate) async fn retire(&self, db: &Db) -> Result<(), Fault> {
        self.retired.store(true, Ordering::Release);
        let _row = self.row.lock().await;
        let lent = db.lend_for(BEAT_MAX).await?;
        lent.execute(RETIRE, &[&self.id]).await.map(|_| ())
    }
}

/// Keeps a node alive for as long as this is there, and retires it then.
#[derive(Debug)]
pub(crate) struct Heart {
    _stop: oneshot::Sender<()>,
}

impl Heart {
    /// Begins to beat. The first beat was made.
    pub(crate) fn start(every: Duration, db: Db, node: Arc<Node>, numbers: Arc<Numbers>) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks.tick().await;
            let (mut beats, mut is_heard) = (0_u32, true);
            loop {
                tokio::select! {
                    _ = &mut stopped => break,
                    _ = ticks.tick() => {}
                }
                match node.beat(&db).await {
                    Ok(()) => is_heard = true,
                    // It goes on trying; what is late is settled by the epochs.
                    Err(fault) => {
                        add(&numbers.heartbeats_failed, 1);
                        if std::mem::take(&mut is_heard) {
                            tracing::warn!(error = %fault, "the heartbeat was not written");
                        }
                    }
                }
                beats = beats.wrapping_add(1);
                if beats.is_multiple_of(SWEEP_EVERY) {
                    sweep(&db).await;
                }
            }
            if node.id_if_active().is_some()
                && let Err(fault) = node.retire(&db).await
            {
                tracing::debug!(error = %fault, "the leases stay until they run out");
            }
        });
        Self { _stop: stop }
    }
}

async fn sweep(db: &Db) {
    let swept = async { db.lend_for(BEAT_MAX).await?.execute(SWEEP, &[&REMEMBERED]).await };
    if let Err(fault) = swept.await {
        tracing::debug!(error = %fault, "the dead were not swept away");
    }
}
