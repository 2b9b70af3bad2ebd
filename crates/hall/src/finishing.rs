//! What is begun is finished, whoever leaves.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// A future that is finished in a task of its own should whoever waits for it leave: an HTTP server
/// drops a request's future when its client hangs up, and what follows a commit must follow it. As
/// long as somebody waits it costs no task.
#[must_use = "it begins when it is waited for"]
pub struct Finishing<F: Future<Output: Send> + Send + 'static>(Option<Pin<Box<F>>>);

impl<F: Future<Output: Send> + Send + 'static> Finishing<F> {
    /// Of work that is not begun.
    pub fn new(work: F) -> Self {
        Self(Some(Box::pin(work)))
    }
}

impl<F: Future<Output: Send> + Send + 'static> Future for Finishing<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Taken out meanwhile: what panicked is not finished, and nothing is left of what is done.
        let mut work = self.0.take().expect("it is not polled after its end");
        let polled = work.as_mut().poll(cx);
        if polled.is_pending() {
            self.0 = Some(work);
        }
        polled
    }
}

impl<F: Future<Output: Send> + Send + 'static> Drop for Finishing<F> {
    fn drop(&mut self) {
        // Without a runtime the process is at its end.
        if let Some(work) = self.0.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(work);
        }
    }
}

impl<F: Future<Output: Send> + Send + 'static> fmt::Debug for Finishing<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finishing").field("is_done", &self.0.is_none()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::sync::{Notify, oneshot};

    use super::*;

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_finished() {
        let (go, gone) = oneshot::channel::<()>();
        let (done, told) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
        let work = {
            let (done, told) = (Arc::clone(&done), Arc::clone(&told));
            async move {
                gone.await.unwrap();
                done.store(true, Ordering::SeqCst);
                told.notify_one();
            }
        };
        let mut waiting = Finishing::new(work);
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(waiting);
        go.send(()).unwrap();
        told.notified().await;
        assert!(done.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn what_was_waited_for_is_done_once() {
        let runs = Arc::new(std::sync::Mutex::new(0));
        let work = {
            let runs = Arc::clone(&runs);
            async move {
                tokio::task::yield_now().await;
                *runs.lock().unwrap() += 1;
                7
            }
        };
        assert_eq!(Finishing::new(work).await, 7);
        tokio::task::yield_now().await;
        assert_eq!(*runs.lock().unwrap(), 1);
    }
}
