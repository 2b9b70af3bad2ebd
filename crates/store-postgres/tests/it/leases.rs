//! Heartbeats by the real clock. What leases decide is in the contract of shared stores.

use std::time::Duration;

use maru_activity::Timestamp;
use maru_activity::env::Env;
use maru_store::{DueBots, Store};
use maru_store_postgres::Options;
use maru_testkit::{PostgresDatabase, eventually};

use crate::support::{LONG, World};

const ANY: DueBots = DueBots::Except(Vec::new());
const LATE: Timestamp = Timestamp::from_secs(9_999);

/// Whoever makes itself heard keeps its lease for longer than one lasts; whoever does not loses it; and
/// a store that is dropped frees its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_lasts_for_as_long_as_its_owner_is_heard() {
    let database = PostgresDatabase::fresh("leases");
    let lease = Duration::from_millis(400);
    let options =
        |heartbeat| Options { lease, heartbeat, ..Options::new(database.url(), Env::system()) };
    let heard = World::open_with(options(Duration::from_millis(50))).await;
    let heir = World::open(database.url()).await;
    let id = heard.opened().await;
    let asked = heard.put(heard.asks(&id, "mine")).await.expect("it is written");
    assert!(asked.leased);

    let silent = World::open_with(options(LONG)).await;
    let lost = silent.opened().await;
    silent.put(silent.asks(&lost, "not for long")).await.expect("it is written");
    let found = eventually("the end of a lease", async || {
        let due = heir.store.due(LATE, &ANY, 9).await.expect("can be asked");
        (!due.is_empty()).then_some(due)
    })
    .await;
    assert_eq!(found.iter().map(|d| &d.conversation).collect::<Vec<_>>(), [&lost]);

    // By now the other's lease would have run out too, had it not been renewed.
    assert_eq!(heard.store.due(LATE, &ANY, 9).await.map(|due| due.len()), Ok(1));
    drop(heard);
    let found = eventually("a lease set free", async || {
        let due = heir.store.due(LATE, &ANY, 9).await.expect("can be asked");
        due.into_iter().find(|delivery| delivery.conversation == id)
    })
    .await;
    assert_eq!(Some(found.id), asked.deliveries.first().map(|delivery| delivery.id));
}
