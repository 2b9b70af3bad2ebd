//! How many sockets each user has.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

/// The sockets that are open on this node, by user and bot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seats {
    taken: Arc<Mutex<HashMap<Box<str>, usize>>>,
}

impl Seats {
    /// A seat for a user; `None` if `max` are taken.
    pub(crate) fn take(&self, user: &str, max: usize) -> Option<Seat> {
        let mut taken = self.taken.lock();
        let count = taken.get(user).copied().unwrap_or(0);
        if count >= max {
            return None;
        }
        taken.insert(user.into(), count + 1);
        Some(Seat { seats: self.clone(), user: user.into() })
    }
}

/// A seat, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Seats,
    user: Box<str>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock();
        if let Some(count) = taken.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_counted_and_given_back() {
        let seats = Seats::default();
        let first = seats.take("u1", 2).unwrap();
        let second = seats.take("u1", 2).unwrap();
        assert!(seats.take("u1", 2).is_none());
        assert!(seats.take("u2", 2).is_some());
        drop(first);
        assert!(seats.take("u1", 2).is_some());
        drop(second);
        assert!(seats.taken.lock().is_empty());
        assert!(seats.take("u1", 0).is_none());
        assert!(seats.taken.lock().is_empty());
    }
}
