//! Deadlines that a test decides, with real sockets.

use std::sync::mpsc;
use std::time::Duration;

/// How long the clock stands still while nobody moves it: then the test fails, and does not hang.
const PATIENCE: Duration = Duration::from_secs(30);

/// While it is there, tokio's clock stands still until it is moved (`tokio::time::advance`). Merely paused,
/// it would run ahead whenever everybody waits for a socket; it does not while a blocking task is under way.
#[derive(Debug)]
pub struct StandingTime(
    #[expect(dead_code, reason = "dropping it ends the task")] mpsc::Sender<()>,
);

impl StandingTime {
    /// Stops tokio's clock.
    ///
    /// # Panics
    /// On a runtime of several threads, and where it stands already.
    pub fn begin() -> Self {
        let (held, wait) = mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || wait.recv_timeout(PATIENCE));
        tokio::time::pause();
        Self(held)
    }
}

impl Drop for StandingTime {
    fn drop(&mut self) {
        tokio::time::resume();
    }
}
