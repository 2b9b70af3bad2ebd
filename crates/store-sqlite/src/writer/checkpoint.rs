//! Moving pages from the write-ahead log into the database, beside the writer.
//!
//! A checkpoint syncs the log and the database, which would hold up every post behind it. So a
//! thread of its own does it while the writer goes on. The writer starts the log from its beginning
//! again when everything in it was moved; if it never comes to that because commits pour in, the
//! writer itself moves the last bit.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Instant;

use parking_lot::{Mutex, MutexGuard};
use rusqlite::{Connection, ErrorCode};

use crate::numbers::{Numbers, add, add_time};

/// After how many more pages in the log (32 MiB) the checkpointer is woken. The more of them, the
/// more often was each page rewritten in the log that goes into the database once.
const PAGES_SOFT: u64 = 8_000;

/// From how many pages on (128 MiB) the writer moves what is left.
const PAGES_HARD: u64 = 32_000;

/// What the writer has to do after a commit.
pub(crate) enum Need {
    Nothing,
    /// A checkpoint, there and then.
    Here,
    /// To stop: a checkpoint's sync failed.
    Failed(String),
}

/// The thread that moves pages, as the writer sees it.
#[derive(Debug)]
pub(crate) struct Checkpointer {
    wake: Option<mpsc::SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
    numbers: Arc<Numbers>,
    /// How long the log was when the checkpointer was last woken.
    woken_at: u64,
    /// How long it was when the writer last did it itself.
    here_at: u64,
}

#[derive(Debug, Default)]
struct Shared {
    /// Held by whoever checkpoints: SQLite turns a second one away at once.
    turn: Mutex<()>,
    halted: AtomicBool,
    failed: Mutex<Option<String>>,
    /// Pages in the log after the last commit.
    pages: AtomicU64,
}

impl Checkpointer {
    /// Begins to watch what `writer` commits.
    pub(crate) fn start(
        writer: &mut Connection,
        conn: Connection,
        numbers: Arc<Numbers>,
    ) -> Result<Self, crate::OpenError> {
        let shared = Arc::new(Shared::default());
        let pages = Arc::clone(&shared);
        writer.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, count: i32| {
            pages.pages.store(u64::try_from(count).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))?;
        let (wake, woken) = mpsc::sync_channel(1);
        let (of_thread, counters) = (Arc::clone(&shared), Arc::clone(&numbers));
        let thread =
            std::thread::Builder::new().name("store-checkpoint".into()).spawn(move || {
                while woken.recv().is_ok() && !of_thread.halted.load(Ordering::Acquire) {
                    let done = {
                        let _turn = of_thread.turn.lock();
                        passive(&conn, &counters)
                    };
                    if let Err(error) = done {
                        let cause = format!("a checkpoint failed: {error}");
                        *of_thread.failed.lock() = Some(cause);
                        return;
                    }
                }
            })?;
        Ok(Self {
            wake: Some(wake),
            thread: Some(thread),
            shared,
            numbers,
            woken_at: 0,
            here_at: 0,
        })
    }

    /// Looks at how long the log has become.
    pub(crate) fn after_commit(&mut self) -> Need {
        let pages = self.shared.pages.load(Ordering::Relaxed);
        self.numbers.wal_pages.store(pages, Ordering::Relaxed);
        if let Some(cause) = self.shared.failed.lock().clone() {
            return Need::Failed(cause);
        }
        if pages < self.woken_at.max(self.here_at) {
            // The log began anew.
            (self.woken_at, self.here_at) = (0, 0);
        }
        // Not at every commit: a long read, such as a backup, may pin the log for minutes.
        if pages >= PAGES_HARD
            && pages >= self.here_at + PAGES_SOFT
            && self.shared.turn.try_lock().is_some()
        {
            self.here_at = pages;
            return Need::Here;
        }
        if pages >= self.woken_at + PAGES_SOFT
            && let Some(wake) = &self.wake
        {
            self.woken_at = pages;
            // If it is at work it hears of this afterwards: one message fits in between.
            let _ = wake.try_send(());
        }
        Need::Nothing
    }

    /// Waits for the checkpoint under way, and keeps the next one off while it is held.
    pub(crate) fn hold(&self) -> MutexGuard<'_, ()> {
        self.shared.turn.lock()
    }

    /// No checkpoint any more.
    pub(crate) fn halt(&self) {
        self.shared.halted.store(true, Ordering::Release);
    }

    /// Ends the thread and waits for it.
    pub(crate) fn stop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Moves what can be moved without making anyone wait.
pub(crate) fn passive(conn: &Connection, numbers: &Numbers) -> rusqlite::Result<()> {
    let began = Instant::now();
    // A busy checkpoint is no failure: it moved what it could. Nor is a full disk: what is in the
    // log stays there.
    match conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
        Err(error) if error.sqlite_error_code() != Some(ErrorCode::DiskFull) => return Err(error),
        _ => {}
    }
    add(&numbers.checkpoints, 1);
    add_time(&numbers.checkpoint_micros, began.elapsed());
    Ok(())
}

/// Moves everything and empties the log's file, so that nothing is left in it. Tells whether it
/// could: a reader may be in the way.
pub(crate) fn truncate(conn: &Connection) -> rusqlite::Result<bool> {
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))
        .map(|busy| busy == 0)
}
