//! What is SQLite's own; the rest is in the contract suite.

use std::path::PathBuf;

use maru_activity::{Account, Audience, Kind, PersonId, Role};
use maru_store::{Change, ClientKey, Meta, NewDelivery, NewEntry, Op, Opening, StateWrite, Turn};
use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::{FILE, RestoreError, erasures_in, restore, rows};

const CANARY: &str = "canary-4f1d";

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder can be made")
}

fn open(folder: &TempDir) -> SqliteStore {
    SqliteStore::open(folder.path(), Options::new(Env::system())).expect("it opens")
}

fn realm() -> RealmId {
    "realm".into()
}

fn commit(change: Change) -> Commit {
    let id = CommitId(Env::system().uuid());
    let mut commit = Commit::new(id, realm(), Timestamp::from_secs(1_000));
    commit.conversation = Some(change);
    commit
}

fn says(id: &str, text: &str) -> Change {
    let mut change = Change::to(id.into());
    change.entries.push(NewEntry {
        audience: Audience::All,
        kind: Kind::Message,
        role: Role::User,
        sender: id.into(),
        turn: Turn::Begins,
        op: Op::Say,
        body: format!("{{\"text\":\"{text}\"}}").into(),
        meta: Meta::default(),
    });
    change
}

fn opens(id: &str) -> Change {
    let mut change = Change::to(id.into());
    let (channel, channel_kind, bot) = ("web".into(), "directline".into(), "b".into());
    change.open = Some(Opening { channel, channel_kind, bot });
    change.members = vec![named(id, "Name")];
    change
}

fn named(id: &str, name: &str) -> Member {
    let account = Account { id: id.into(), name: Some(name.into()), role: None };
    Member { role: Role::User, account, verified: false, person: PersonId::from("") }
}

async fn put(store: &SqliteStore, change: Change) -> Receipt {
    store.commit(commit(change)).await.expect("the change is sound")
}

async fn texts(store: &SqliteStore, id: &str) -> Result<Vec<Bytes>, Error> {
    let read = store.read(&realm(), &id.into(), Viewer::Operator, Place::Seq(0), 9_999).await?;
    Ok(read.into_iter().map(|entry| entry.body).collect())
}

fn number(store: &SqliteStore, name: &str) -> f64 {
    store.numbers().into_iter().find(|(found, _, _)| *found == name).expect("it is counted").2
}

/// Whether any file of the store holds the canary.
fn canary_found(folder: &TempDir) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder.path()).expect("a folder").map(|f| f.unwrap().path());
    let holds = |path: &PathBuf| {
        let bytes = std::fs::read(path).expect("a file");
        bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes())
    };
    files.filter(holds).collect()
}

#[tokio::test]
async fn a_newer_database_is_refused_and_left_alone() {
    let folder = folder();
    drop(open(&folder));
    let conn = Connection::open(folder.path().join(FILE)).unwrap();
    conn.execute(
        "INSERT INTO refinery_schema_history VALUES (4711, 'later', '2099-01-01', '0')",
        [],
    )
    .unwrap();
    drop(conn);
    let before = std::fs::read(folder.path().join(FILE)).unwrap();
    let refused = SqliteStore::open(folder.path(), Options::new(Env::system()));
    let known = open::known_schema();
    assert!(
        matches!(refused, Err(OpenError::Newer { found: 4711, known: k }) if k == known && k > 0),
        "{refused:?}"
    );
    assert_eq!(std::fs::read(folder.path().join(FILE)).unwrap(), before);
}

#[tokio::test]
async fn a_damaged_row_is_reported_and_all_others_read() {
    let folder = folder();
    let store = open(&folder);
    for id in ["whole", "hurt"] {
        put(&store, opens(id)).await;
        put(&store, says(id, "one")).await;
        put(&store, says(id, "two")).await;
    }
    let conn = Connection::open(folder.path().join(FILE)).unwrap();
    conn.execute(
        "UPDATE entries SET kind = 77 WHERE seq = 1 \
         AND conv = (SELECT id FROM conversations WHERE public = 'hurt')",
        [],
    )
    .unwrap();
    let damaged = texts(&store, "hurt").await;
    assert!(matches!(damaged, Err(Error::Damaged(_))), "{damaged:?}");
    let first = store.entry(&realm(), &"hurt".into(), Place::Seq(0)).await;
    assert!(matches!(first, Ok(Some(_))), "{first:?}");
    assert_eq!(texts(&store, "whole").await.unwrap().len(), 2);
    put(&store, says("hurt", "goes on")).await;
}

#[tokio::test]
async fn a_full_disk_refuses_posts_while_reads_go_on_and_ends_when_there_is_room() {
    let folder = folder();
    let store = open(&folder);
    put(&store, opens("c")).await;
    let pages = async |limit: i64| {
        let set = move |writer: &mut Writer| {
            let now: i64 =
                writer.conn.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
            writer
                .conn
                .pragma_update_and_check(None, "max_page_count", now + limit, |_| Ok(()))
                .map_err(|error| rows::fault(&error))
        };
        store.control(set).await.unwrap();
    };
    pages(4).await;
    let large = "x".repeat(200_000);
    let mut kept = 0;
    for text in [large.as_str(), "small", large.as_str()] {
        match store.commit(commit(says("c", text))).await {
            Ok(_) => kept += 1,
            Err(error) => assert_eq!((error, text.len()), (Error::Full, large.len())),
        }
    }
    assert_eq!(kept, 1, "what still fits is kept");
    assert_eq!(texts(&store, "c").await.unwrap().len(), 1);
    assert_eq!(store.healthy().await, Ok(()));
    pages(1_000).await;
    let placed = put(&store, says("c", &large)).await.entries;
    assert_eq!(placed.first().map(|placed| placed.seq), Some(1), "what was refused left no gap");
}

#[tokio::test]
async fn after_a_failed_commit_nothing_is_written_any_more() {
    let folder = folder();
    let store = open(&folder);
    put(&store, opens("c")).await;
    put(&store, says("c", "kept")).await;
    store
        .control(|writer| {
            // SQLite then fails the COMMIT, as it does when a sync fails.
            writer.conn.commit_hook(Some(|| true)).map_err(|error| rows::fault(&error))
        })
        .await
        .unwrap();
    let head = store.head_now(&realm(), &"c".into());
    for text in ["lost", "refused"] {
        let answer = store.commit(commit(says("c", text))).await;
        assert!(matches!(answer, Err(Error::Failed(_))), "{answer:?}");
    }
    assert!(matches!(store.healthy().await, Err(Error::Failed(_))));
    assert!(store.redue(&realm(), &"b".into(), Timestamp::from_secs(1)).await.is_err());
    assert_eq!(store.head_now(&realm(), &"c".into()), head);
    assert_eq!(texts(&store, "c").await.unwrap().len(), 1);
    drop(store);
    let store = open(&folder);
    assert_eq!(texts(&store, "c").await.unwrap().len(), 1);
    put(&store, says("c", "anew")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_cannot_be_applied_fails_alone_in_its_batch() {
    let folder = folder();
    let store = Arc::new(open(&folder));
    put(&store, opens("c")).await;
    let taken = DeliveryId(Env::system().uuid());
    let delivers = |text: &str, id| {
        let mut change = says("c", text);
        let (entry, to, once) = (0, maru_store::DeliveryTo::Route, false);
        let due_at = Timestamp::from_secs(1);
        change.deliveries.push(NewDelivery { id, entry, to, once, due_at });
        change
    };
    put(&store, delivers("first", taken)).await;
    // The writer waits until all of them are queued.
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let (begun, began) = oneshot::channel();
    let holding = {
        let store = Arc::clone(&store);
        let hold = move |_: &mut Writer| {
            let _ = begun.send(());
            Ok(gone.recv().is_ok())
        };
        tokio::spawn(async move { store.control(hold).await })
    };
    began.await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for index in 0..20 {
        let store = Arc::clone(&store);
        let id = if index == 7 { taken } else { DeliveryId(Env::system().uuid()) };
        let change = delivers(&index.to_string(), id);
        tasks.spawn(async move { (index, store.commit(commit(change)).await) });
    }
    while number(&store, "write_queue") < 20.0 {
        tokio::task::yield_now().await;
    }
    go.send(()).unwrap();
    holding.await.unwrap().unwrap();
    for (index, answer) in tasks.join_all().await {
        match index {
            7 => assert!(matches!(answer, Err(Error::Unsound(_))), "{answer:?}"),
            _ => assert!(answer.is_ok(), "{answer:?}"),
        }
    }
    assert_eq!(texts(&store, "c").await.unwrap().len(), 20);
    assert!(number(&store, "batches_redone_total") >= 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_made_while_writing_has_what_was_acknowledged_and_can_be_restored() {
    let (folder, other) = (folder(), folder());
    let store = Arc::new(open(&folder));
    put(&store, opens("c")).await;
    for _ in 1..200 {
        put(&store, says("c", "before")).await;
    }
    let mut kept = commit(says("c", "before"));
    kept.states = vec![StateWrite::put("s", "k", "v").about(&"c".into())];
    store.commit(kept).await.unwrap();
    let (writing, target) = (Arc::clone(&store), other.path().join("backup.db"));
    let writer = tokio::spawn(async move {
        for _ in 0..200 {
            put(&writing, says("c", "meanwhile")).await;
        }
    });
    store.backup(&target).await.unwrap();
    assert_eq!(store.backup(&target).await, Err(Error::Exists), "no backup is written over");
    writer.await.unwrap();
    // Of this the backup does not know.
    let whom = Whom::Participant("web".into(), "c".into());
    store.erase(&realm(), &whom, Timestamp::from_secs(2_000)).await.unwrap();
    drop(store);
    let journal = erasures_in(&folder.path().join(FILE)).unwrap();

    let at = Timestamp::from_secs(1_800_000_000);
    let refused = restore(&target, folder.path(), &journal, at);
    assert!(matches!(refused, Err(RestoreError::Exists(_))), "{refused:?}");
    let anew = other.path().join("anew");
    assert_eq!(restore(&target, &anew, &[], at).unwrap().restore_epoch, 1_800_000_000);
    let store = SqliteStore::open(&anew, Options::new(Env::system())).unwrap();
    assert_eq!(store.restore_epoch(), 1_800_000_000);
    let read = store.read(&realm(), &"c".into(), Viewer::Customer, Place::Pos(0), 999).await;
    let read = read.unwrap();
    assert!(read.len() >= 200 && read.iter().take(200).all(|entry| !entry.is_erased()));
    assert!((0..).zip(&read).all(|(seq, entry)| entry.seq == seq), "a consistent copy");
    assert!(store.state(&realm(), "s", "k").await.unwrap().is_some());
    put(&store, says("c", "after")).await;
    drop(store);

    let erased = other.path().join("erased");
    // The same backup once more: what was read after the first time must not be believed.
    let later = Timestamp::from_secs(1_800_000_001);
    let restored = restore(&target, &erased, &journal, later).unwrap();
    assert_eq!(restored.restore_epoch, 1_800_000_001);
    assert_eq!(restored.erased.entries, read.len() as u64);
    let store = SqliteStore::open(&erased, Options::new(Env::system())).unwrap();
    assert!(texts(&store, "c").await.unwrap().iter().all(Bytes::is_empty));
    assert_eq!(store.state(&realm(), "s", "k").await, Ok(None));
    drop(store);
    std::fs::write(&target, "no database").unwrap();
    let damaged = restore(&target, &other.path().join("damaged"), &[], later);
    assert!(damaged.is_err());
    assert!(!open::database_in(&other.path().join("damaged")).exists());
}

/// Retention of another channel, whose short rows stand among those of `ann`.
async fn expire_what_stands_between(store: &SqliteStore) {
    let rule = Retention {
        realm: realm(),
        channel: Some("brief".into()),
        except: Vec::new(),
        older_than: Timestamp::from_secs(9_999),
        limit: 10_000,
    };
    assert!(store.expire(&rule).await.unwrap().entries > 0);
}

#[tokio::test]
async fn what_was_erased_is_found_in_no_file() {
    let folder = folder();
    let store = open(&folder);
    let long = format!("{CANARY} {}", "long ".repeat(4_000));
    for (id, channel) in [("ann", "web"), ("bob", "web"), ("brief", "brief")] {
        let mut change = opens(id);
        change.open.as_mut().unwrap().channel = channel.into();
        put(&store, change).await;
    }
    for round in 0..100 {
        for text in [CANARY, long.as_str()] {
            let mut change = says("ann", text);
            for entry in &mut change.entries {
                entry.meta.shown = Some(format!("{CANARY} {round}"));
            }
            // A name that changes moves rows about.
            change.members = vec![named("ann", &format!("{CANARY}{}", "n".repeat(round)))];
            put(&store, change).await;
            for _ in 0..5 {
                put(&store, says("brief", &"brief".repeat(round))).await;
            }
        }
        let mut fold = says("ann", CANARY);
        for entry in &mut fold.entries {
            (entry.op, entry.turn) = (Op::Update(round as u64 * 3), Turn::None);
        }
        put(&store, fold).await;
        let mut kept = commit(says("bob", "stays"));
        kept.states = vec![
            StateWrite::put("s", "ann", CANARY.repeat(round)).about(&"ann".into()),
            StateWrite::put("s", format!("bob {round}"), "stays").about(&"bob".into()),
        ];
        store.commit(kept).await.unwrap();
    }
    // Pages shrink and are merged: what moves leaves copies.
    expire_what_stands_between(&store).await;
    assert!(!canary_found(&folder).is_empty(), "else nothing is tested");
    let whom = Whom::Person(Member::person_of(&"web".into(), "ann"));
    let erased = store.erase(&realm(), &whom, Timestamp::from_secs(2_000)).await.unwrap();
    assert_eq!(erased.entries, 300);
    assert_eq!(canary_found(&folder), Vec::<PathBuf>::new());
    assert!(texts(&store, "bob").await.unwrap().iter().all(|body| !body.is_empty()));
    assert_eq!(store.states(&realm(), "s", None, 999).await.unwrap().items.len(), 100);
    // Once more without anything having been rearranged: rows are written over where they stand.
    for _ in 0..50 {
        put(&store, says("ann", CANARY)).await;
        put(&store, says("bob", "stays too")).await;
        put(&store, says("ann", &long)).await;
    }
    store.erase(&realm(), &whom, Timestamp::from_secs(2_001)).await.unwrap();
    assert_eq!(canary_found(&folder), Vec::<PathBuf>::new());
    drop(store);
    assert_eq!(canary_found(&folder), Vec::<PathBuf>::new());
    let wal = folder.path().join(format!("{FILE}-wal"));
    assert!(!wal.exists(), "a store that was closed is one file");
}

#[tokio::test]
async fn a_killed_process_loses_nothing_that_was_acknowledged() {
    let (folder, copy) = (folder(), folder());
    let store = open(&folder);
    put(&store, opens("c")).await;
    let mut commit = commit(says("c", "said"));
    commit.states.push(StateWrite::put("s", "k", "v"));
    store.commit(commit).await.unwrap();
    // What a kill leaves behind: the files as they are now, the log among them.
    for suffix in ["", "-wal"] {
        let name = format!("{FILE}{suffix}");
        std::fs::copy(folder.path().join(&name), copy.path().join(&name)).unwrap();
    }
    let found = open(&copy);
    assert_eq!(texts(&found, "c").await.unwrap().len(), 1);
    assert!(found.state(&realm(), "s", "k").await.unwrap().is_some());
}

/// More places and keys than the recent parts hold, of conversations that take turns, with a batch
/// rolled back now and then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn places_and_keys_are_found_wherever_they_moved() {
    const CONVERSATIONS: usize = 40;
    /// In the middle of moving keys into their index.
    const FIRST: usize = 245;
    const EACH: usize = 330;
    let folder = folder();
    let mut store = Arc::new(open(&folder));
    let ids: Vec<String> = (0..CONVERSATIONS).map(|number| format!("c{number:02}")).collect();
    for id in &ids {
        put(&store, opens(id)).await;
    }
    let conn = Connection::open(folder.path().join(FILE)).unwrap();
    let rows = |table: &str| {
        let count = format!("SELECT count(*) FROM {table}");
        conn.query_row(&count, [], |row| row.get::<_, u32>(0)).unwrap() as usize
    };
    let indexed = || {
        let indexed = "SELECT value FROM meta WHERE name = 'keys_indexed'";
        conn.query_row(indexed, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    for (from, to) in [(0, FIRST), (FIRST, FIRST), (FIRST, EACH), (EACH, EACH)] {
        for number in from..to {
            let posts = ids.iter().map(|id| store.commit(commit(keyed(id, number))));
            for answer in futures_util::future::join_all(posts).await {
                assert_eq!(answer.expect("sound").entries[0].seq, number as u64);
            }
            if number % 100 == 99 {
                // The same commit id twice: the batch is rolled back, and each is done alone.
                let twice = commit(says(&ids[0], "x"));
                let twice = Commit { conversation: None, ..twice };
                store.commit(twice.clone()).await.expect("sound");
                store.commit(twice).await.expect_err("its id is taken");
            }
        }
        assert!(rows("places") > 0 && rows("places_recent") > 0);
        assert_eq!(rows("places") + rows("places_recent"), CONVERSATIONS * to);
        assert_eq!(rows("client_keys"), CONVERSATIONS * to);
        // Some are in the index, some on their way, and some gather.
        assert!(rows("keys") > 0 && rows("keys") < CONVERSATIONS * to, "{}", rows("keys"));
        assert_eq!(indexed() > 0, to == EACH);
        let overtaken = "SELECT count(*) FROM places p JOIN places_recent r \
                         ON r.conv = p.conv AND r.seq < p.seq";
        let overtaken: i64 = conn.query_row(overtaken, [], |row| row.get(0)).unwrap();
        assert_eq!(overtaken, 0, "recent places come behind the others");
        for id in &ids {
            let all: Vec<Bytes> = (0..to).map(|n| format!("{{\"text\":\"{n}\"}}").into()).collect();
            assert_eq!(texts(&store, id).await.unwrap(), all);
            let head = store.head(&realm(), &id.as_str().into()).await.unwrap().unwrap();
            assert_eq!(head.next_seq, to as u64);
            for number in (0..to).step_by(40).chain([to - 1]) {
                let repeated = put(&store, keyed(id, number)).await;
                assert!(repeated.repeated && repeated.entries[0].seq == number as u64, "{number}");
            }
        }
        drop(store);
        store = Arc::new(open(&folder));
    }
    let rule = Retention {
        realm: realm(),
        channel: None,
        except: Vec::new(),
        older_than: Timestamp::from_secs(2_000),
        limit: 100_000,
    };
    assert_eq!(store.expire(&rule).await.unwrap().entries, (CONVERSATIONS * EACH) as u64);
    assert_eq!(rows("places") + rows("places_recent"), 0);
    store.sweep(Timestamp::from_secs(9_000_000), Duration::ZERO).await.unwrap();
    assert_eq!(rows("keys") + rows("client_keys"), 0);
    assert_eq!(indexed(), 0);
}

/// The numbers of swept rows are given again: a key must not be taken for the one that had its row.
#[tokio::test]
async fn a_key_is_forgotten_with_its_row() {
    let folder = folder();
    let store = open(&folder);
    for id in ["one", "two"] {
        put(&store, opens(id)).await;
    }
    put(&store, keyed("one", 1)).await;
    assert!(put(&store, keyed("one", 1)).await.repeated);
    store.sweep(Timestamp::from_secs(9_000_000), Duration::ZERO).await.unwrap();
    put(&store, keyed("two", 2)).await;
    assert!(!put(&store, keyed("one", 1)).await.repeated, "its row was another's meanwhile");
    let whom = Whom::Participant("web".into(), "one".into());
    store.erase(&realm(), &whom, Timestamp::from_secs(2_000)).await.unwrap();
    put(&store, keyed("two", 3)).await;
    assert!(!put(&store, keyed("one", 1)).await.repeated, "it was erased");
    drop(store);
    let store = open(&folder);
    for (id, number) in [("one", 1), ("two", 2), ("two", 3)] {
        assert!(put(&store, keyed(id, number)).await.repeated, "{id} {number}");
    }
}

/// An entry with a client key.
fn keyed(id: &str, number: usize) -> Change {
    let (sender, key) = (id.into(), format!("k{number}").into());
    let client_key = Some(ClientKey { sender, protocol: "p", key, digest: 1 });
    Change { client_key, ..says(id, &number.to_string()) }
}
