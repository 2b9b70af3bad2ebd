//! One after the other: what one user says to one bot. Turns of a conversation are in order anyway; a
//! user may be in several, and taps again where a bot is slow.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::{Mutex as Place, OwnedMutexGuard};

/// From how many users on it is looked for those who have gone.
const SWEPT_FROM: usize = 64;

/// Lets one of each name in at a time, on this node.
#[derive(Debug, Default)]
pub(crate) struct Turnstile(Mutex<Places>);

#[derive(Debug, Default)]
struct Places {
    of: HashMap<Box<str>, Weak<Place<()>>>,
    /// How many there were after the last sweep.
    swept: usize,
}

impl Turnstile {
    /// Waits until nobody of this name is inside. Whoever came first goes first.
    pub(crate) async fn enter(&self, name: &str) -> OwnedMutexGuard<()> {
        let place = self.place(name);
        place.lock_owned().await
    }

    fn place(&self, name: &str) -> Arc<Place<()>> {
        let mut places = self.0.lock();
        if let Some(place) = places.of.get(name).and_then(Weak::upgrade) {
            return place;
        }
        if places.of.len() >= SWEPT_FROM.max(2 * places.swept) {
            places.of.retain(|_, place| place.strong_count() > 0);
            places.swept = places.of.len();
        }
        let place = Arc::new(Place::new(()));
        places.of.insert(name.into(), Arc::downgrade(&place));
        place
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn one_of_each_name_is_inside_and_names_are_forgotten() {
        let turnstile = Turnstile::default();
        let inside = turnstile.enter("a").await;
        assert!(turnstile.enter("a").now_or_never().is_none());
        drop(turnstile.enter("b").await);
        drop(inside);
        assert!(turnstile.enter("a").now_or_never().is_some());
        let kept = turnstile.enter("kept").await;
        for number in 0..1_000 {
            drop(turnstile.enter(&number.to_string()).await);
        }
        assert!(turnstile.0.lock().of.len() <= SWEPT_FROM);
        assert!(turnstile.enter("kept").now_or_never().is_none());
        drop(kept);
    }
}
