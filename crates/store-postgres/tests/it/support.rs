//! Stores, and the smallest of commits.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use maru_activity::env::Env;
use maru_activity::{
    Audience, CommitId, ConversationId, DeliveryId, Kind, RealmId, Role, Timestamp, Viewer,
};
use maru_store::{
    Change, Commit, DeliveryTo, Entry, Error, Meta, NewDelivery, NewEntry, Op, Opening, Place,
    Receipt, Store, Turn,
};
use maru_store_postgres::{Options, PostgresStore};

/// Longer than any test.
pub(crate) const LONG: Duration = Duration::from_secs(3_600);

/// A store with what a test needs around it.
pub(crate) struct World {
    pub(crate) store: PostgresStore,
    pub(crate) env: Env,
    pub(crate) realm: RealmId,
}

impl World {
    /// One that lives for as long as the test does not say otherwise.
    pub(crate) async fn open(url: &str) -> Arc<Self> {
        let options = Options { lease: LONG, heartbeat: LONG, ..Options::new(url, Env::system()) };
        Self::open_with(options).await
    }

    pub(crate) async fn open_with(options: Options) -> Arc<Self> {
        let store = PostgresStore::connect(options).await.expect("it opens");
        Arc::new(Self { store, env: Env::system(), realm: "realm".into() })
    }

    pub(crate) fn commit(&self) -> Commit {
        Commit::new(CommitId(self.env.uuid()), self.realm.clone(), Timestamp::from_secs(1_000))
    }

    pub(crate) async fn put(&self, change: Change) -> Result<Receipt, Error> {
        let mut commit = self.commit();
        commit.conversation = Some(change);
        self.store.commit(commit).await
    }

    pub(crate) async fn opened(&self) -> ConversationId {
        let mut change = Change::to(self.env.base62(22).into());
        change.open = Some(opening());
        let id = change.id.clone();
        self.put(change).await.expect("it is opened");
        id
    }

    /// Says something that is to be handed over.
    pub(crate) fn asks(&self, id: &ConversationId, text: &str) -> Change {
        let mut change = says(id, text);
        change.deliveries.push(NewDelivery {
            id: DeliveryId(self.env.uuid()),
            entry: 0,
            to: DeliveryTo::Route,
            once: false,
            due_at: Timestamp::from_secs(1_000),
        });
        change
    }

    pub(crate) async fn log(&self, id: &ConversationId) -> Vec<Entry> {
        let read = self.store.read(&self.realm, id, Viewer::Operator, Place::Seq(0), 99_999).await;
        read.expect("can be read")
    }

    pub(crate) async fn bodies(&self, id: &ConversationId) -> Vec<Bytes> {
        self.log(id).await.into_iter().map(|entry| entry.body).collect()
    }

    /// One of the store's own numbers.
    pub(crate) fn number(&self, name: &str) -> f64 {
        let numbers = self.store.numbers();
        numbers.iter().find(|number| number.0 == name).expect("there is such a number").2
    }
}

pub(crate) fn opening() -> Opening {
    Opening { channel: "web".into(), channel_kind: "directline".into(), bot: "b".into() }
}

pub(crate) fn says(id: &ConversationId, text: &str) -> Change {
    let mut change = Change::to(id.clone());
    change.entries.push(NewEntry {
        audience: Audience::All,
        kind: Kind::Message,
        role: Role::User,
        sender: "u1".into(),
        turn: Turn::Begins,
        op: Op::Say,
        body: Bytes::copy_from_slice(text.as_bytes()),
        meta: Meta::default(),
    });
    change
}
