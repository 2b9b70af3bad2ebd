//! One listener of one conversation.

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use crate::Hint;
use crate::local::Place;

/// One listener of one conversation. Dropping it ends the listening: when the last listener of a
/// conversation has gone, nothing is kept of it.
#[derive(Debug)]
pub struct Listening {
    // In this order: the place looks whether any receiver is left.
    hints: broadcast::Receiver<Hint>,
    _place: Place,
}

impl Listening {
    pub(crate) fn new(hints: broadcast::Receiver<Hint>, place: Place) -> Self {
        Self { hints, _place: place }
    }

    /// Waits for the next hint. May be dropped and called again without losing one.
    ///
    /// # Errors
    /// [`RecvError::Lagged`] for one that fell behind: it reads the log instead.
    pub async fn recv(&mut self) -> Result<Hint, RecvError> {
        self.hints.recv().await
    }

    /// The next hint, if one has come already.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] if none has; as [`Listening::recv`].
    pub fn try_recv(&mut self) -> Result<Hint, TryRecvError> {
        self.hints.try_recv()
    }
}
