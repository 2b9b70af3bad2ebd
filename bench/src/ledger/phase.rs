//! Whether the server is up, for those who must not knock at a closed door.

use tokio::sync::watch;

/// The server's state, told by who kills and starts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Phase {
    is_up: bool,
    /// Counts the starts.
    generation: u64,
}

/// The teller's side.
#[derive(Debug)]
pub(super) struct Bell {
    sender: watch::Sender<Phase>,
}

impl Bell {
    /// Of a server that is up.
    pub(super) fn up() -> Self {
        Self { sender: watch::Sender::new(Phase { is_up: true, generation: 0 }) }
    }

    /// The server was killed.
    pub(super) fn killed(&self) {
        self.sender.send_modify(|phase| phase.is_up = false);
    }

    /// The server serves again.
    pub(super) fn started(&self) {
        self.sender.send_modify(|phase| {
            phase.is_up = true;
            phase.generation += 1;
        });
    }

    /// A listener's side.
    pub(super) fn listen(&self) -> Door {
        Door { receiver: self.sender.subscribe() }
    }
}

/// A listener's side.
#[derive(Clone, Debug)]
pub(super) struct Door {
    receiver: watch::Receiver<Phase>,
}

impl Door {
    /// Waits until the server is up, and gives the number of its start. `None` once the run is over.
    pub(super) async fn open(&mut self) -> Option<u64> {
        let phase = self.receiver.wait_for(|phase| phase.is_up).await.ok()?;
        Some(phase.generation)
    }
}
