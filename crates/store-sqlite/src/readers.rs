//! A pool of read-only connections, each on its own thread. Reads never block the writer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use maru_store::Error;
use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::numbers::{Numbers, add, sub};
use crate::open::{self, OpenError};
use crate::rows::fault;

type Job = Box<dyn FnOnce(&Connection) + Send>;

/// The readers. Dropping them waits for those that are reading.
#[derive(Debug)]
pub(crate) struct Readers {
    queue: Option<mpsc::Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
    numbers: Arc<Numbers>,
}

impl Readers {
    pub(crate) fn start(
        database: &Path,
        count: usize,
        numbers: Arc<Numbers>,
    ) -> Result<Self, OpenError> {
        let (queue, jobs) = mpsc::channel::<Job>();
        let jobs = Arc::new(Mutex::new(jobs));
        let mut threads = Vec::with_capacity(count);
        for index in 0..count.max(1) {
            let conn = open::reader(database)?;
            let jobs = Arc::clone(&jobs);
            let name = format!("store-read-{index}");
            threads.push(std::thread::Builder::new().name(name).spawn(move || run(&conn, &jobs))?);
        }
        Ok(Self { queue: Some(queue), threads, numbers })
    }

    /// Runs `read` on a reader, within one snapshot of the database.
    pub(crate) async fn read<T, F>(&self, read: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting::new(&self.numbers);
        let job: Job = Box::new(move |conn| {
            drop(waiting);
            // Whoever asked may have gone, and then wants no answer.
            if !answer.is_closed() {
                let _ = answer.send(snapshot(conn, read));
            }
        });
        let queued = self.queue.as_ref().is_some_and(|queue| queue.send(job).is_ok());
        if !queued {
            return Err(Error::Unavailable("the readers have ended".into()));
        }
        match answered.await {
            Ok(answer) => answer.map_err(|error| fault(&error)),
            Err(_) => Err(Error::Unavailable("a read broke off".into())),
        }
    }
}

/// Counts a read for as long as it waits.
struct Waiting(Arc<Numbers>);

impl Waiting {
    fn new(numbers: &Arc<Numbers>) -> Self {
        add(&numbers.reads, 1);
        add(&numbers.read_queue, 1);
        Self(Arc::clone(numbers))
    }

    fn gauge(&self) -> &AtomicU64 {
        &self.0.read_queue
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        sub(self.gauge(), 1);
    }
}

fn snapshot<T>(
    conn: &Connection,
    read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    // Deferred: it takes its snapshot with the first query, and costs next to nothing.
    let transaction = conn.unchecked_transaction()?;
    let value = read(&transaction)?;
    transaction.commit()?;
    Ok(value)
}

fn run(conn: &Connection, jobs: &Mutex<mpsc::Receiver<Job>>) {
    loop {
        let job = jobs.lock().recv();
        let Ok(job) = job else { return };
        if catch_unwind(AssertUnwindSafe(|| job(conn))).is_err() {
            tracing::error!("a read panicked; the reader goes on");
        }
    }
}

impl Readers {
    /// Waits for those that are reading, and closes their connections.
    pub(crate) fn stop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.stop();
    }
}
