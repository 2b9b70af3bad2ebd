//! One at a time, in the order they came: turns of a user, readings of a scenario.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

/// Those places at which somebody is or waits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Queue(Arc<Mutex<HashMap<String, Arc<Turn<()>>>>>);

/// The right to be at a place. The next one has it when this is dropped.
#[derive(Debug)]
pub(crate) struct Right {
    queue: Queue,
    place: String,
    /// Taken out when this is dropped.
    held: Option<OwnedMutexGuard<()>>,
}

impl Queue {
    /// Waits until the place is free. Whoever came first goes first.
    pub(crate) async fn enter(&self, place: &str) -> Right {
        let turn = Arc::clone(self.0.lock().entry(place.to_owned()).or_default());
        // Whoever stops waiting leaves the entry to those who hold it, or to the next.
        let mut right = Right { queue: self.clone(), place: place.to_owned(), held: None };
        right.held = Some(turn.lock_owned().await);
        right
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.0.lock().len()
    }
}

impl Drop for Right {
    fn drop(&mut self) {
        let mut waiting = self.queue.0.lock();
        self.held = None;
        // Only the queue itself holds it: nobody waits, and nobody can begin to.
        if waiting.get(&self.place).is_some_and(|turn| Arc::strong_count(turn) == 1) {
            waiting.remove(&self.place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn turns_come_one_by_one_in_order_and_nothing_is_left_behind() {
        let queue = Queue::default();
        let said = Arc::new(Mutex::new(Vec::new()));
        let first = queue.enter("u").await;
        let other = queue.enter("v").await;
        let mut turns = Vec::new();
        for number in 0..5 {
            let (queue, said) = (queue.clone(), Arc::clone(&said));
            turns.push(tokio::spawn(async move {
                let _right = queue.enter("u").await;
                tokio::task::yield_now().await;
                said.lock().push(number);
            }));
            tokio::task::yield_now().await;
        }
        let gave_up = tokio::time::timeout(Duration::from_millis(1), queue.enter("u")).await;
        assert!(gave_up.is_err(), "the first has not ended");
        assert!(said.lock().is_empty());
        drop(first);
        for turn in turns {
            turn.await.unwrap();
        }
        assert_eq!(*said.lock(), [0, 1, 2, 3, 4]);
        assert_eq!(queue.len(), 1);
        drop(other);
        assert_eq!(queue.len(), 0);
    }
}
