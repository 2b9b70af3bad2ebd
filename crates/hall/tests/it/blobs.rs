//! Files that nothing refers to any more are taken away, and no others.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use maru_activity::env::Env;
use maru_activity::{Account, Activity, BotId, CommitId, Limits, RealmId};
use maru_hall::{
    BadSettings, Begin, Blob, BlobError, BlobId, Bot, BotKind, BotRecord, ChannelRecord,
    Conversation, DeliverySettings, Hall, Handed, Meta, Outcome, Post, Settings, Setup,
};
use maru_hints::LocalHints;
use maru_store::{Commit, StateWrite, Store};
use maru_store_postgres::{Options as PostgresOptions, PostgresStore};
use maru_store_sqlite::{Options, SqliteStore};
use maru_testkit::{FakeClock, PostgresDatabase, fake_env};
use object_store::ObjectStore;
use object_store::memory::InMemory;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

#[derive(Debug)]
struct Silent;

#[async_trait]
impl Bot for Silent {
    async fn deliver(&self, _: Handed) -> Outcome {
        Outcome::taken()
    }
}

impl BotKind for Silent {
    fn kind(&self) -> &'static str {
        "silent"
    }

    fn make(&self, _: &BotRecord) -> Result<Arc<dyn Bot>, BadSettings> {
        Ok(Arc::new(Self))
    }
}

/// A hall whose clock and files a test has in hand. Its housekeeping does not run by itself.
struct House {
    hall: Hall,
    store: Arc<dyn Store>,
    files: Arc<InMemory>,
    env: Env,
    clock: Arc<FakeClock>,
    channel: ChannelRecord,
}

impl House {
    async fn open(folder: &Path) -> Self {
        let (env, clock) = fake_env(7);
        let store = SqliteStore::open(folder, Options::new(env.clone())).unwrap();
        Self::open_on(Arc::new(store), env, clock).await
    }

    async fn open_shared(database: &PostgresDatabase) -> Self {
        let (env, clock) = fake_env(7);
        let options = PostgresOptions::new(database.url(), env.clone());
        let store = PostgresStore::connect(options).await.unwrap();
        Self::open_on(Arc::new(store), env, clock).await
    }

    async fn open_on(store: Arc<dyn Store>, env: Env, clock: Arc<FakeClock>) -> Self {
        let realm = RealmId::from("default");
        // What accounts does when it makes a realm.
        let mut commit = Commit::new(CommitId(env.uuid()), "_system".into(), env.now());
        commit.states.push(StateWrite::put("record/realm", realm.as_str(), "{}"));
        store.commit(commit).await.unwrap();
        let files = Arc::new(InMemory::new());
        let setup = Setup {
            store: Arc::clone(&store),
            hints: Arc::new(LocalHints::new()),
            blobs: Arc::clone(&files) as Arc<dyn ObjectStore>,
            env: env.clone(),
            bot_kinds: vec![Arc::new(Silent)],
            channel_kinds: vec![("test", |_| Ok(()))],
            settings: Settings::default(),
        };
        let mut registry = prometheus_client::registry::Registry::default();
        let hall = Hall::open(setup, &mut registry).await.unwrap();
        let bot = BotRecord {
            id: BotId::from("bot"),
            realm: realm.clone(),
            kind: "silent".into(),
            name: "The bot".into(),
            delivery: DeliverySettings::default(),
            settings: serde_json::Map::new(),
        };
        hall.directory().put_bot(bot, true).await.unwrap();
        let channel = ChannelRecord {
            id: "web".into(),
            realm,
            kind: "test".into(),
            bot: "bot".into(),
            keep_days: None,
            settings: serde_json::Map::new(),
        };
        hall.directory().put_channel(channel.clone(), true).await.unwrap();
        Self { hall, store, files, env, clock, channel }
    }

    async fn begin(&self) -> Arc<Conversation> {
        let user = Some((Account { id: "u".into(), ..Account::default() }, false));
        let begin = Begin { user, ..Begin::by(&self.channel, "test") };
        self.hall.begin(begin).await.unwrap().conversation
    }

    async fn put(&self) -> BlobId {
        let (realm, bytes) = (&self.channel.realm, Bytes::from_static(b"what was sent"));
        self.hall.blobs().put(realm, "text/plain", "a.txt", bytes).await.unwrap()
    }

    /// Says something with a file.
    async fn say(&self, conversation: &Arc<Conversation>, file: &BlobId) {
        let body = format!(
            r#"{{"type":"message","from":{{"id":"u"}},"attachments":[{{"contentUrl":"blob:{file}"}}]}}"#
        );
        let activity = Activity::parse(body.as_bytes(), &Limits::default()).unwrap();
        let meta = Meta { blobs: true, ..Meta::default() };
        self.hall.post(conversation, Post { meta, ..Post::user(activity) }).await.unwrap();
        while self.hall.head(conversation).await.unwrap().open > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn keep_for(&mut self, days: u32) {
        self.channel.keep_days = Some(days);
        self.hall.directory().put_channel(self.channel.clone(), false).await.unwrap();
    }

    /// Moves the clock, lets retention do its work, and runs a whole round.
    async fn after(&self, span: Duration) -> u64 {
        self.clock.advance(span);
        self.hall.keep_house().await.unwrap();
        self.hall.collect_blobs().await.unwrap()
    }

    async fn is_there(&self, file: &BlobId) -> bool {
        match self.hall.blobs().get(file).await {
            Ok(_) => true,
            Err(BlobError::Unknown) => false,
            Err(error) => unreachable!("{error}"),
        }
    }

    /// How many files and how many states of files are kept.
    async fn counts(&self) -> (usize, usize) {
        use futures_util::TryStreamExt as _;
        let files: Vec<_> = self.files.list(None).try_collect().await.unwrap();
        let states = self.store.states(&self.channel.realm, "hall/blob", None, 10_000).await;
        (files.len(), states.unwrap().items.len())
    }
}

#[tokio::test]
async fn a_file_that_no_entry_refers_to_goes_after_a_day_and_no_other_does() {
    let folder = tempfile::tempdir().unwrap();
    unused_files_go(House::open(folder.path()).await).await;
}

#[tokio::test]
async fn on_a_shared_store_it_is_the_same() {
    unused_files_go(House::open_shared(&PostgresDatabase::fresh("blobs")).await).await;
    old_files_go(House::open_shared(&PostgresDatabase::fresh("blobs")).await).await;
}

async fn unused_files_go(house: House) {
    let conversation = house.begin().await;
    let (said, unused) = (house.put().await, house.put().await);
    house.say(&conversation, &said).await;
    let of_bot = house
        .hall
        .blobs()
        .put_for(&conversation, "image/png", "b.png", Bytes::from_static(b"png"))
        .await
        .unwrap();
    assert_eq!(house.after(23 * HOUR).await, 0);
    assert!(house.is_there(&unused).await);
    assert_eq!(house.after(7 * HOUR).await, 1);
    assert!(!house.is_there(&unused).await);
    assert_eq!(house.after(1_000 * DAY).await, 0);
    assert!(house.is_there(&said).await && house.is_there(&of_bot).await);
    assert_eq!(house.counts().await, (2, 4));
}

#[tokio::test]
async fn a_file_goes_with_the_entry_that_refers_to_it() {
    let folder = tempfile::tempdir().unwrap();
    old_files_go(House::open(folder.path()).await).await;
}

async fn old_files_go(mut house: House) {
    house.keep_for(30).await;
    let conversation = house.begin().await;
    let early = house.put().await;
    house.say(&conversation, &early).await;
    let bots = house.hall.blobs().put_for(&conversation, "image/png", "b.png", Bytes::new()).await;
    let bots = bots.unwrap();
    house.after(20 * DAY).await;
    let late = house.put().await;
    house.say(&conversation, &late).await;
    // The conversation goes on: what a bot uploaded for it may still be shown.
    assert_eq!(house.after(11 * DAY).await, 1);
    assert!(!house.is_there(&early).await && house.is_there(&late).await);
    assert!(house.is_there(&bots).await);
    assert_eq!(house.after(20 * DAY).await, 2);
    assert_eq!(house.counts().await, (0, 0));
}

#[tokio::test]
async fn a_round_goes_on_where_it_was_and_is_one_nodes_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path()).await;
    // More than one run looks at.
    let realm = &house.channel.realm;
    let files = 21_000;
    for first in (0..files).step_by(1_000) {
        let mut commit = Commit::new(CommitId(house.env.uuid()), realm.clone(), house.env.now());
        let record = r#"{"content_type":"a/b","name":"c","bytes":1,"tracked":true}"#;
        let put =
            |number: i32| StateWrite::put("hall/blob", format!("{number:0>43}.default"), record);
        commit.states = (first..first + 1_000).map(put).collect();
        house.store.commit(commit).await.unwrap();
    }
    let first = house.after(DAY).await;
    assert!(first > 0 && first < 21_000, "{first}");
    assert_eq!(house.after(Duration::from_secs(1)).await, 0, "another node is at it");
    assert_eq!(first + house.after(HOUR).await, 21_000);
    assert_eq!(house.counts().await, (0, 0));
}

#[tokio::test]
async fn what_was_kept_before_files_were_tracked_stays() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path()).await;
    let file = house.put().await;
    let mut commit =
        Commit::new(CommitId(house.env.uuid()), house.channel.realm.clone(), house.env.now());
    let record = r#"{"content_type":"a/b","name":"c","bytes":13}"#;
    commit.states.push(StateWrite::put("hall/blob", file.as_str(), record));
    house.store.commit(commit).await.unwrap();
    assert_eq!(house.after(400 * DAY).await, 0);
    assert!(house.is_there(&file).await);
}

#[tokio::test]
async fn a_file_whose_going_was_broken_off_is_unknown_and_goes_later() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path()).await;
    let file = house.put().await;
    let mut commit =
        Commit::new(CommitId(house.env.uuid()), house.channel.realm.clone(), house.env.now());
    commit.states.push(StateWrite::put("hall/blob", file.as_str(), "null"));
    house.store.commit(commit).await.unwrap();
    assert!(!house.is_there(&file).await);
    house.after(HOUR).await;
    assert_eq!(house.counts().await, (0, 0));
    // One that is there no more is no fault.
    house.hall.blobs().delete(&file).await.unwrap();
    assert_eq!(house.counts().await, (0, 0));
}

#[tokio::test]
async fn a_file_that_is_not_as_long_as_it_was_said_to_be_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path()).await;
    let realm = RealmId::from("default");
    let blob = Blob { content_type: "text/plain".to_owned(), name: "a.txt".to_owned(), bytes: 9 };
    let kept = async |blob: &Blob, mut words: &[u8]| {
        house.hall.blobs().put_from(&realm, blob.clone(), &mut words).await
    };
    for words in [&b"nine byte"[..8], b"nine bytes"] {
        assert!(matches!(kept(&blob, words).await, Err(BlobError::Files(_))));
        assert_eq!(house.counts().await, (0, 0));
    }
    let id = kept(&blob, b"nine byte").await.unwrap();
    assert_eq!(house.hall.blobs().get(&id).await.unwrap(), (blob, Bytes::from("nine byte")));
}
