//! The wiring: every part of the server, put together. Running them is [`serve`](crate::serve)'s.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use maru_accounts::{Accounts, InstanceKey, resolve_reference};
use maru_activity::env::Env;
use maru_bot_echo::EchoKind;
use maru_bot_framework::{BotFrameworkKind, Callback, Connector};
use maru_direct_line::DirectLine;
use maru_door::{
    Context, Face, Faces, Metrics as DoorMetrics, PublicUrl, RouteSpec, Sockets, TrustedProxies,
};
use maru_egress::{Egress, Options as EgressOptions, Policy};
use maru_hall::{BlobId, BotKind, Hall, Setup};
use maru_hints::LocalHints;
use maru_store::Store;
use maru_store_sqlite::{Options as StoreOptions, SqliteStore};
use object_store::local::LocalFileSystem;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

use crate::admin::Admin;
use crate::config::Config;
use crate::folder::Paths;
use crate::machines::{Machines, StoreNumbers};

/// The server's parts.
#[derive(Debug)]
pub struct Parts {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The realms and their keys.
    pub accounts: Arc<Accounts>,
    /// The hall.
    pub hall: Hall,
    /// The Direct Line face.
    pub direct_line: Arc<DirectLine>,
    /// Everything that is served, with the context of each request around it.
    pub router: Router,
    /// What is served, route by route.
    pub routes: Vec<RouteSpec>,
    /// What the listeners count.
    pub door_metrics: DoorMetrics,
    /// Cancelled when the server begins to stop: sockets are told to reconnect.
    pub stopping: CancellationToken,
    paths: Paths,
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
    ) -> anyhow::Result<Self> {
        let env = Env::system();
        let mut registry = Registry::default();
        let stopping = CancellationToken::new();

        // What is kept.
        let store = SqliteStore::open(paths.folder(), store_options(config, &env))
            .context("the store cannot be opened")?;
        let store: Arc<dyn Store> = Arc::new(store);
        registry.register_collector(Box::new(StoreNumbers(Arc::clone(&store))));
        let blobs = blobs(paths)?;
        let accounts =
            Accounts::open(Arc::clone(&store), env.clone(), instance_key(config, paths, &env)?)
                .await
                .context("the realms cannot be read")?;
        accounts.ensure_default().await.context("the default realm cannot be made")?;

        // Who answers.
        let maru = registry.sub_registry_with_prefix("maru");
        let egress = egress(config, maru)?;
        let callback_url = config.callback_url.as_deref().or(config.public_url.as_deref());
        let callback_url = callback_url.or(local_url).unwrap_or("http://127.0.0.1:8080");
        let callback = Callback::new(callback_url, Arc::new(instance_key(config, paths, &env)?))?;
        let bot_kinds: Vec<Arc<dyn BotKind>> = vec![
            Arc::new(EchoKind),
            Arc::new(BotFrameworkKind::new(
                egress,
                callback.clone(),
                env.clone(),
                config.bot_framework.activity,
            )),
        ];

        // Where it is said.
        let setup = Setup {
            store: Arc::clone(&store),
            hints: Arc::new(LocalHints::new()),
            blobs,
            env: env.clone(),
            bot_kinds,
            channel_kinds: vec![(maru_direct_line::KIND, maru_direct_line::check_settings)],
            settings: config.hall.clone(),
        };
        let hall = Hall::open(setup, &mut registry).await.context("the hall cannot be opened")?;

        // How users and bots come in.
        let maru = registry.sub_registry_with_prefix("maru");
        let door_metrics = DoorMetrics::register(maru);
        let sockets = Sockets::new(door_metrics.clone(), stopping.clone());
        let direct_line = DirectLine::new(hall.clone(), Arc::clone(&accounts), sockets, maru);
        let connector = Arc::new(Connector::new(hall.clone(), callback, config.bot_framework));
        let registry = Arc::new(registry);
        let machines =
            Machines::new(hall.clone(), Arc::clone(&registry), openapi()?, stopping.clone());
        let faces: Vec<Arc<dyn Face>> = vec![Arc::clone(&direct_line) as _, connector, machines];
        let faces = Faces::mount(faces)?;
        let routes = faces.routes().to_vec();
        let context = context(config, env, door_metrics.clone())?;
        let router = context.around(faces.into_router());

        let paths = paths.clone();
        Ok(Self {
            store,
            accounts,
            hall,
            direct_line,
            router,
            routes,
            door_metrics,
            stopping,
            paths,
        })
    }

    /// What the admin API works on. `url` is where clients reach the server, if it serves.
    pub fn admin(&self, url: Option<String>) -> Admin {
        Admin {
            hall: self.hall.clone(),
            accounts: Arc::clone(&self.accounts),
            store: Arc::clone(&self.store),
            direct_line: Arc::clone(&self.direct_line),
            paths: self.paths.clone(),
            url,
        }
    }

    /// Takes away the files behind `blob:` references. Gives how many there were.
    ///
    /// # Errors
    /// What the place where files are kept says.
    pub async fn delete_blobs(&self, references: &[String]) -> anyhow::Result<usize> {
        let id = |reference: &String| BlobId::parse(reference.strip_prefix("blob:")?);
        let ids: Vec<BlobId> = references.iter().filter_map(id).collect();
        for id in &ids {
            self.hall.blobs().delete(id).await?;
        }
        Ok(ids.len())
    }

    /// Ends the hall's work; what is under way gets `grace`.
    pub async fn close(self, grace: Duration) {
        self.stopping.cancel();
        self.hall.stop(grace).await;
    }
}

fn store_options(config: &Config, env: &Env) -> StoreOptions {
    let settings = &config.store;
    StoreOptions {
        readers: settings.readers,
        batch_max: settings.batch_max,
        batch_bytes_max: settings.batch_bytes_max,
        queue_max: settings.queue_max,
        heads_max: settings.heads_max,
        env: env.clone(),
    }
}

/// Files are on disk, and so are the folders they are in, before their records are written.
fn blobs(paths: &Paths) -> anyhow::Result<Arc<LocalFileSystem>> {
    let folder = paths.blobs();
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    Ok(Arc::new(LocalFileSystem::new_with_prefix(&folder)?.with_fsync(true)))
}

fn instance_key(config: &Config, paths: &Paths, env: &Env) -> anyhow::Result<InstanceKey> {
    match &config.instance_key {
        Some(reference) => {
            let text = resolve_reference(reference).context("instance_key")?;
            InstanceKey::from_text(text.expose()).context("instance_key")
        }
        None => Ok(InstanceKey::load_or_create(&paths.instance_key(), env)?),
    }
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
        ("BotConnector", serde_json::to_value(maru_bot_framework::openapi())?),
    ];
    Ok(crate::openapi::merged(&documents).to_string())
}
