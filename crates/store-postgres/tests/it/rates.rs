//! How fast it is. Told, not asserted: run it with
//! `cargo nextest run -p maru-store-postgres --run-ignored only --no-capture rates`.

use std::time::Duration;

use maru_testkit::PostgresDatabase;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::World;

const SPAN: Duration = Duration::from_secs(5);

/// Commits a second of one who waits for each answer, and of 64 at once, each with a message, its
/// delivery and its client key.
#[ignore = "a measurement, which proves nothing"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_a_second() {
    let database = PostgresDatabase::fresh("rates");
    let world = World::open(database.url()).await;
    for (writers, hands_over) in [(1, false), (1, true), (64, false), (64, true), (512, true)] {
        let mut tasks = JoinSet::new();
        let began = Instant::now();
        for _ in 0..writers {
            let world = world.clone();
            tasks.spawn(async move {
                let id = world.opened().await;
                let mut written = 0_u32;
                while began.elapsed() < SPAN {
                    let text = r#"{"type":"message","text":"how fast is it?"}"#;
                    let mut change = world.asks(&id, text);
                    if !hands_over {
                        change.deliveries.clear();
                    }
                    change.client_key = Some(maru_store::ClientKey {
                        sender: "u1".into(),
                        protocol: "p",
                        key: written.to_string().into(),
                        digest: 1,
                    });
                    world.put(change).await.expect("it is written");
                    written += 1;
                }
                written
            });
        }
        let written: u32 = tasks.join_all().await.into_iter().sum();
        let rate = f64::from(written) / began.elapsed().as_secs_f64();
        println!("{writers} at once, handed over: {hands_over}: {rate:.0} commits/s");
    }
    for (name, _, value) in maru_store::Store::numbers(&world.store) {
        println!("{name} {value}");
    }
}
