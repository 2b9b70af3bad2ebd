//! How many calls are in flight to each host.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The hosts that calls are in flight to, and only those: the last call to leave clears its host away,
/// so the map is never larger than the number of calls.
#[derive(Debug)]
pub(crate) struct Hosts {
    each_max: usize,
    busy: Mutex<HashMap<Arc<str>, Host>>,
}

#[derive(Debug)]
struct Host {
    /// Those who are there and those who wait.
    visitors: usize,
    places: Arc<Semaphore>,
}

impl Hosts {
    pub(crate) fn new(each_max: usize) -> Self {
        Self { each_max, busy: Mutex::default() }
    }

    /// Waits for a free place at `host` (`name:port`), first come first served.
    pub(crate) async fn enter(self: &Arc<Self>, host: &Arc<str>) -> Visit {
        let (mut visit, places) = self.join(host);
        // The semaphore is never closed; were it, nobody would be counted, and nothing would hang.
        visit.place = places.acquire_owned().await.ok();
        visit
    }

    fn join(self: &Arc<Self>, host: &Arc<str>) -> (Visit, Arc<Semaphore>) {
        let places = {
            let mut busy = self.busy.lock();
            let entry = busy.entry(host.clone()).or_insert_with(|| Host {
                visitors: 0,
                places: Arc::new(Semaphore::new(self.each_max)),
            });
            entry.visitors += 1;
            entry.places.clone()
        };
        (Visit { hosts: self.clone(), host: host.clone(), place: None }, places)
    }
}

/// A call that waits for a place at a host, or has one; leaves when dropped.
#[derive(Debug)]
pub(crate) struct Visit {
    hosts: Arc<Hosts>,
    host: Arc<str>,
    place: Option<OwnedSemaphorePermit>,
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.place = None;
        let mut busy = self.hosts.busy.lock();
        if let Some(host) = busy.get_mut(&self.host) {
            host.visitors -= 1;
            if host.visitors == 0 {
                busy.remove(&self.host);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_host_is_kept_only_while_someone_is_there() {
        let hosts = Arc::new(Hosts::new(1));
        let there = hosts.enter(&"a:80".into()).await;
        let elsewhere = hosts.enter(&"b:80".into()).await;
        // Waits for a place, then gives up.
        let name = Arc::from("a:80");
        let waiting = tokio::time::timeout(Duration::from_millis(5), hosts.enter(&name));
        assert!(waiting.await.is_err());
        assert_eq!(hosts.busy.lock().len(), 2);
        drop(there);
        assert_eq!(hosts.busy.lock().len(), 1);
        drop(elsewhere);
        assert!(hosts.busy.lock().is_empty());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn nothing_is_left_behind_by_many_visitors() {
        let hosts = Arc::new(Hosts::new(2));
        let visitors = (0..2_000).map(|n| {
            let hosts = hosts.clone();
            tokio::spawn(async move {
                let _visit = hosts.enter(&format!("{}:80", n % 7).into()).await;
                tokio::task::yield_now().await;
            })
        });
        for visitor in visitors.collect::<Vec<_>>() {
            visitor.await.unwrap();
        }
        assert!(hosts.busy.lock().is_empty());
    }
}
