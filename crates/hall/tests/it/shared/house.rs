//! The engines that the nodes share, and the nodes.

use std::sync::Arc;
use std::time::Duration;

use maru_activity::env::Env;
use maru_activity::{Kind, Viewer};
use maru_hall::{Conversation, DeliverySettings, Event, Place, Subscription};
use maru_hints::Hints;
use maru_hints_nats::{NatsHints, Options as HintsOptions};
use maru_store_postgres::{Options as StoreOptions, PostgresStore};
use maru_testkit::{Nats, PostgresDatabase};
use prometheus_client::registry::Registry;
use tokio::runtime::Runtime;

use crate::support::{Scene, Script, text};

/// One PostgreSQL and one NATS.
pub(crate) struct House {
    database: PostgresDatabase,
    pub(crate) nats: Nats,
}

impl House {
    pub(crate) async fn open() -> Self {
        Self { database: PostgresDatabase::fresh("hall"), nats: Nats::run().await }
    }

    /// A node, with a bot of its own that does as the script says.
    pub(crate) async fn node(&self, name: &str, script: Script) -> Scene {
        let (store, hints) = self.options(name);
        connect(store, hints, script).await
    }

    /// A node in a runtime of its own, to be killed.
    pub(crate) async fn mortal(
        &self,
        name: &str,
        script: Script,
        tune: impl FnOnce(&mut StoreOptions),
    ) -> Mortal {
        let (mut store, hints) = self.options(name);
        tune(&mut store);
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(2).enable_all().build().unwrap();
        let scene =
            runtime.spawn(async move { Arc::new(connect(store, hints, script).await) }).await;
        Mortal { scene: scene.unwrap(), runtime: Some(runtime) }
    }

    fn options(&self, name: &str) -> (StoreOptions, HintsOptions) {
        let env = Env::system();
        let store = StoreOptions::new(self.database.url(), env.clone());
        let (url, node) = (self.nats.url(), name.to_owned());
        (store, HintsOptions { url, prefix: "test".to_owned(), node, env })
    }
}

async fn connect(store: StoreOptions, hints: HintsOptions, script: Script) -> Scene {
    let hints = NatsHints::connect(hints, &mut Registry::default()).await.unwrap();
    alone(store, hints, script).await
}

/// A node with these hints, on whichever database.
pub(crate) async fn alone(store: StoreOptions, hints: Arc<dyn Hints>, script: Script) -> Scene {
    let store = PostgresStore::connect(store).await.unwrap();
    Scene::on(Arc::new(store), hints, DeliverySettings::default(), script).await
}

/// A node that can be killed: nothing of it runs any more, and it says goodbye to nobody.
pub(crate) struct Mortal {
    pub(crate) scene: Arc<Scene>,
    runtime: Option<Runtime>,
}

impl Mortal {
    /// Does something on this node.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        self.runtime.as_ref().unwrap().spawn(work).await.unwrap()
    }

    pub(crate) fn kill(mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }
}

impl Drop for Mortal {
    fn drop(&mut self) {
        // A runtime must not be dropped inside another one otherwise.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The texts that a subscriber is shown, until it has seen this many.
pub(crate) async fn shown(subscription: &mut Subscription, count: usize) -> Vec<String> {
    let mut texts = Vec::new();
    while texts.len() < count {
        let event = tokio::time::timeout(Duration::from_secs(30), subscription.next()).await;
        if let Event::Shown { shown, .. } = event.expect("something is shown").unwrap() {
            texts.extend(shown.iter().map(|shown| text(&shown.body)));
        }
    }
    texts
}

/// The texts of the log, in order; and how many conversationUpdates there are.
pub(crate) async fn log(scene: &Scene, conversation: &Conversation) -> (Vec<String>, usize) {
    let read = scene.hall.read(conversation, Viewer::Operator, Place::Seq(0), 100).await.unwrap();
    let (updates, said): (Vec<_>, Vec<_>) =
        read.shown.into_iter().partition(|shown| shown.kind == Kind::ConversationUpdate);
    (said.iter().map(|shown| text(&shown.body)).collect(), updates.len())
}
