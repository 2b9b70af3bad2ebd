//! How many sockets an agent has here.

use std::collections::{HashMap, VecDeque};

use maru_activity::RealmId;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::limits::LINKS_MAX;

/// An agent: the realm and the number.
type Whose = (RealmId, Box<str>);

/// The sockets of all agents on this node, each by what ends it.
#[derive(Debug, Default)]
pub(super) struct Seats(Mutex<HashMap<Whose, VecDeque<oneshot::Sender<()>>>>);

impl Seats {
    /// Takes a seat for a socket: what is given resolves when a newer one needs it.
    pub(super) fn take(&self, realm: &RealmId, dn: &str) -> oneshot::Receiver<()> {
        let (replaced, seat) = oneshot::channel();
        let mut seats = self.0.lock();
        // Agents come and go, and a socket that has gone says nothing.
        seats.retain(|_, sockets| {
            sockets.retain(|socket| !socket.is_closed());
            !sockets.is_empty()
        });
        let sockets = seats.entry((realm.clone(), dn.into())).or_default();
        if sockets.len() >= LINKS_MAX {
            sockets.pop_front();
        }
        sockets.push_back(replaced);
        seat
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_for_one_too_many_and_those_that_have_gone_do_not_count() {
        let (seats, realm) = (Seats::default(), RealmId::from("default"));
        let ended = |seat: &mut oneshot::Receiver<()>| {
            !matches!(seat.try_recv(), Err(oneshot::error::TryRecvError::Empty))
        };
        let mut taken: Vec<_> = (0..LINKS_MAX).map(|_| seats.take(&realm, "3001")).collect();
        let _other = seats.take(&realm, "3002");
        assert!(!taken.iter_mut().any(ended));
        taken.remove(3);
        taken.push(seats.take(&realm, "3001"));
        assert!(!taken.iter_mut().any(ended), "one had gone");
        taken.push(seats.take(&realm, "3001"));
        assert_eq!(
            taken.iter_mut().map(ended).collect::<Vec<_>>().iter().position(|e| *e),
            Some(0)
        );
        assert!(!taken[1..].iter_mut().any(ended));
    }
}
