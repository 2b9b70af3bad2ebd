//! Which servers are up, for those who must not knock at a closed door.

use std::net::SocketAddr;

use tokio::sync::watch;

use crate::random::Random;

/// A server, as told by who kills and starts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    address: SocketAddr,
    is_up: bool,
}

/// The teller's side.
#[derive(Debug)]
pub(super) struct Bell {
    sender: watch::Sender<Vec<Place>>,
}

impl Bell {
    /// Of servers that are up.
    pub(super) fn up(addresses: &[SocketAddr]) -> Self {
        let places = addresses.iter().map(|address| Place { address: *address, is_up: true });
        Self { sender: watch::Sender::new(places.collect()) }
    }

    /// The server there was killed.
    pub(super) fn killed(&self, address: SocketAddr) {
        self.tell(address, false);
    }

    /// The server there serves again.
    pub(super) fn started(&self, address: SocketAddr) {
        self.tell(address, true);
    }

    fn tell(&self, address: SocketAddr, is_up: bool) {
        self.sender.send_modify(|places| {
            for place in places.iter_mut().filter(|place| place.address == address) {
                place.is_up = is_up;
            }
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
    receiver: watch::Receiver<Vec<Place>>,
}

impl Door {
    /// Waits until a server is up, and gives any of those that are: another than `but`, if there is
    /// one.
    pub(super) async fn open(
        &mut self,
        random: &mut Random,
        but: Option<SocketAddr>,
    ) -> SocketAddr {
        loop {
            if let Some(address) = pick(&self.receiver.borrow_and_update(), random, but) {
                return address;
            }
            if self.receiver.changed().await.is_err() {
                // The run is over, and whoever waits here is about to be dropped.
                std::future::pending::<()>().await;
            }
        }
    }
}

fn pick(places: &[Place], random: &mut Random, but: Option<SocketAddr>) -> Option<SocketAddr> {
    let up = || places.iter().filter(|place| place.is_up).map(|place| place.address);
    let others: Vec<SocketAddr> = up().filter(|address| Some(*address) != but).collect();
    match others.as_slice() {
        [] => up().next(),
        others => {
            let drawn = usize::try_from(random.below(others.len() as u64)).unwrap_or(0);
            others.get(drawn).copied()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_door_leads_to_a_server_that_is_up_and_to_another_one_if_there_is_one() {
        let [one, two] = ["127.0.0.1:1", "127.0.0.1:2"].map(|address| address.parse().unwrap());
        let (bell, mut random) = (Bell::up(&[one, two]), Random::of(1, 1));
        let mut door = bell.listen();
        assert_eq!(door.open(&mut random, Some(one)).await, two);
        bell.killed(two);
        assert_eq!(door.open(&mut random, Some(one)).await, one);
        bell.killed(one);
        let waiting = tokio::spawn(async move { door.open(&mut random, None).await });
        bell.started(two);
        assert_eq!(waiting.await.unwrap(), two);
    }
}
