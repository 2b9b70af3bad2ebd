//! The wiring: every part of the server, put together. Running them is [`serve`](crate::serve)'s.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use maru_accounts::{Accounts, People};
use maru_activity::env::Env;
use maru_chatflow::ChatFlow;
use maru_desk::Service as Desk;
use maru_direct_line::DirectLine;
use maru_door::{
    Context, Faces, Metrics as DoorMetrics, PublicUrl, RouteSpec, Sockets, TrustedProxies,
};
use maru_egress::{Egress, Options as EgressOptions, Policy};
use maru_hall::{BlobId, Hall, Setup};
use maru_notify::Notifier;
use maru_plus_friend::PlusFriend;
use maru_store::Store;
use maru_web_chat::Root;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

use crate::admin::Admin;
use crate::answerers::{Answerers, Outward};
use crate::config::Config;
use crate::doors::{CHANNEL_KINDS, Doors, Inside};
use crate::engines::urls::BlobsUrl;
use crate::engines::{self, Schema};
use crate::exit::Failure;
use crate::folder::Paths;
use crate::instance_key;
use crate::machines::{Machines, NodeInfo, StoreNumbers};

/// How long alerts that are under way may take when the server stops.
const LAST_ALERTS: Duration = Duration::from_secs(2);

/// The server's parts.
#[derive(Debug)]
pub struct Parts {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The realms and their keys.
    pub accounts: Arc<Accounts>,
    /// The people.
    pub people: Arc<People>,
    /// The desk.
    pub desk: Arc<Desk>,
    /// The hall.
    pub hall: Hall,
    /// The Direct Line face.
    pub direct_line: Arc<DirectLine>,
    /// What does for operators of Plus Friend partners what the platform did.
    pub plus_friend: PlusFriend,
    /// The ChatFlow service.
    pub chatflow: Arc<ChatFlow>,
    /// What tells the operator of trouble.
    pub notifier: Notifier,
    /// Everything that is served, with the context of each request around it.
    pub router: Router,
    /// The web chat alone, for a listener of its own.
    pub web_chat_router: Router,
    /// What is served, route by route.
    pub routes: Vec<RouteSpec>,
    /// What the listeners count.
    pub door_metrics: DoorMetrics,
    /// Cancelled when the server begins to stop: sockets are told to reconnect.
    pub stopping: CancellationToken,
    paths: Paths,
    files: BlobsUrl,
}

impl Parts {
    /// Opens everything in a data folder that the caller holds. Nothing moves yet: that is for
    /// [`Hall::start`]. `local_url` is where the server can be reached on this machine, if it is
    /// going to be served.
    ///
    /// # Errors
    /// What cannot be opened, and why.
    pub async fn open(
        config: &Config,
        paths: &Paths,
        local_url: Option<&str>,
    ) -> Result<Self, Failure> {
        let env = Env::system();
        let mut registry = Registry::default();
        let stopping = CancellationToken::new();

        // What is kept, and how the nodes wake each other.
        let schema = schema_rule(config, local_url.is_some())?;
        let store = engines::open_store(config, paths, &env, schema).await?;
        crate::archive::before_use(&*store, &env).await?;
        registry.register_collector(Box::new(StoreNumbers(Arc::clone(&store))));
        registry.register_collector(Box::new(NodeInfo(config.node_name())));
        let blobs = engines::open_blobs(config, paths)?;
        let accounts = instance_key::open_accounts(config, paths, &store, &env).await?;
        accounts.ensure_default().await.context("the default realm cannot be made")?;
        let people = People::new(Arc::clone(&store), env.clone());
        let maru = registry.sub_registry_with_prefix("maru");
        people.register(maru);
        let carrier = engines::open_hints(config, &*store, local_url.is_some(), &env, maru).await?;

        // Who answers.
        let maru = registry.sub_registry_with_prefix("maru");
        let egress = egress(config, maru)?;
        let ways = crate::alerts::ways(&config.alerts)?;
        let notifier = Notifier::new(Arc::clone(&store), egress.clone(), env.clone(), ways, maru);
        let outward = Outward { egress, notifier: notifier.clone() };
        let key = instance_key::of(config, paths, &env)?;
        let answerers = Answerers::new(config, local_url, key, &outward, &env, maru)?;

        // Where it is said.
        let setup = Setup {
            store: Arc::clone(&store),
            hints: Arc::clone(&carrier.hints),
            blobs,
            env: env.clone(),
            bot_kinds: answerers.kinds(),
            channel_kinds: CHANNEL_KINDS.to_vec(),
            settings: config.hall.clone(),
        };
        let hall = Hall::open(setup, &mut registry).await.context("the hall cannot be opened")?;

        // How users and bots come in.
        let maru = registry.sub_registry_with_prefix("maru");
        let door_metrics = DoorMetrics::register(maru);
        let inside = Inside {
            config,
            hall: &hall,
            accounts: &accounts,
            people: &people,
            outward,
            sockets: Sockets::new(door_metrics.clone(), stopping.clone()),
            stopping: &stopping,
        };
        let Doors { direct_line, web_chat, desk, chatflow, plus_friend, mut faces } =
            Doors::new(inside, answerers, maru);
        let registry = Arc::new(registry);
        faces.push(Arc::new(Machines {
            hall: hall.clone(),
            web_chat: Arc::clone(&web_chat),
            carries_hints: carrier.between_nodes,
            registry: Arc::clone(&registry),
            openapi: openapi()?,
            stopping: stopping.clone(),
        }));
        let faces = Faces::mount(faces).context("the faces get in each other's way")?;
        let routes = faces.routes().to_vec();
        let context = context(config, env, door_metrics.clone())?;
        let chat_alone = Faces::mount(vec![Arc::clone(&web_chat) as _, Arc::new(Root(web_chat))]);
        let chat_alone = chat_alone.context("the web chat's faces get in each other's way")?;
        let web_chat_router = Arc::clone(&context).around(chat_alone.into_router());
        let router = context.around(faces.into_router());

        let paths = paths.clone();
        Ok(Self {
            store,
            accounts,
            people,
            desk,
            hall,
            direct_line,
            plus_friend,
            chatflow,
            notifier,
            router,
            web_chat_router,
            routes,
            door_metrics,
            stopping,
            paths,
            files: config.blobs.url.clone(),
        })
    }

    /// What the admin API works on. `url` is where clients reach the server, if it serves.
    pub fn admin(&self, url: Option<String>) -> Admin {
        Admin {
            hall: self.hall.clone(),
            accounts: Arc::clone(&self.accounts),
            people: Arc::clone(&self.people),
            desk: Arc::clone(&self.desk),
            store: Arc::clone(&self.store),
            direct_line: Arc::clone(&self.direct_line),
            plus_friend: self.plus_friend.clone(),
            chatflow: ChatFlow::clone(&self.chatflow),
            notifier: self.notifier.clone(),
            paths: self.paths.clone(),
            files: self.files.clone(),
            url,
        }
    }

    /// Takes away the files behind `blob:` references. Gives how many there were.
    ///
    /// # Errors
    /// What the place where files are kept says.
    pub async fn delete_blobs(&self, references: &[String]) -> anyhow::Result<usize> {
        let ids: Vec<BlobId> =
            references.iter().filter_map(|link| BlobId::of_reference(link)).collect();
        self.hall.blobs().delete_all(&ids).await?;
        Ok(ids.len())
    }

    /// Ends the hall's work; what is under way gets `grace`.
    pub async fn close(self, grace: Duration) {
        self.stopping.cancel();
        if tokio::time::timeout(grace, self.desk.stop()).await.is_err() {
            tracing::warn!("the desk was still deciding at the end");
        }
        self.hall.stop(grace).await;
        self.notifier.finish(LAST_ALERTS).await;
    }
}

/// Verbs leave a shared store as it is: other nodes, perhaps of an older version, may be at work on
/// it. A data folder is held by whoever opens it.
fn schema_rule(config: &Config, serves: bool) -> Result<Schema, Failure> {
    let is_own = engines::is_own_store(config)?;
    Ok(match config.store.migrate && (serves || is_own) {
        true => Schema::Migrate,
        false => Schema::AsItIs,
    })
}

/// The only way out. This machine itself may be called while Maru serves nobody else.
fn egress(config: &Config, registry: &mut Registry) -> anyhow::Result<Egress> {
    let settings = &config.egress;
    Ok(Egress::new(EgressOptions {
        policy: Policy {
            allow_loopback: config.is_loopback(),
            allow_private: settings.allow_private,
            allow: settings.allow.clone(),
        },
        connect_timeout: settings.connect_timeout,
        body_max: settings.body_max,
        per_host_max: settings.per_host_max,
        extra_roots: settings.extra_roots.clone(),
        ..EgressOptions::new(registry)
    })?)
}

fn context(config: &Config, env: Env, metrics: DoorMetrics) -> anyhow::Result<Arc<Context>> {
    let mut context = Context::new(env, metrics);
    context.trusted_proxies =
        TrustedProxies::parse(&config.trusted_proxies).context("trusted_proxies")?;
    let public_url = config.public_url.as_deref().map(PublicUrl::parse);
    context.public_url = public_url.transpose().context("public_url")?;
    context.log = config.log.requests;
    Ok(Arc::new(context))
}

/// What is served, in OpenAPI's words.
fn openapi() -> anyhow::Result<String> {
    let documents = [
        ("DirectLine", serde_json::to_value(maru_direct_line::openapi())?),
        ("ChatFlow", serde_json::to_value(maru_chatflow_channel::openapi())?),
        ("WebChat", serde_json::to_value(maru_web_chat::openapi())?),
        ("Desk", serde_json::to_value(maru_desk::openapi())?),
        ("BotConnector", serde_json::to_value(maru_bot_framework::openapi())?),
    ];
    Ok(crate::openapi::merged(&documents).to_string())
}
