//! `maru serve`: runs the parts until it is told to stop.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use maru_accounts::{Accounts, People};
use maru_door::{Listener, ServerOptions, TlsFiles};
use maru_store::{Error as StoreError, Store};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::admin;
use crate::cli::Common;
use crate::config::{Config, load};
use crate::demo;
use crate::engines;
use crate::exit::{Code, Failure};
use crate::first::{self, Fresh};
use crate::folder::{Folder, write_atomically};
use crate::logging;
use crate::parts::Parts;
use crate::terminal::say;

/// How often it is looked whether another node has changed realms, their keys or people.
const ACCOUNTS_WATCH: Duration = Duration::from_secs(1);

/// How often it is asked whether the store can still keep anything.
const STORE_WATCH: Duration = Duration::from_secs(1);

/// How long connections may take to finish once no turn is open any more.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// How to serve.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Without a configuration it serves on 127.0.0.1:8080, keeps its data in ./maru-data, and begins \
                        with an echo bot. SIGTERM or Ctrl-C stops it: open turns get 10 seconds."
)]
pub struct Args {
    /// The address and port to serve on; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// The URL under which clients reach the server
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Once it answers, write a JSON file: url, bot, channel, secret and agents (of a fresh realm), admin_socket, pid
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// What cannot be opened; [`Code::Failed`] when the store has failed and must be opened anew.
pub(crate) async fn run(common: &Common, args: Args) -> Result<(), Failure> {
    let mut given = common.given();
    given.flag("listen", args.listen);
    given.flag("public_url", args.public_url);
    let loaded = load(&given)?;
    logging::start(&loaded.config.log)?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    // Before anything answers, so that a signal during the start is not lost.
    let (told, told_again) = (told_to_stop(1)?, told_to_stop(2)?);
    if let Some(path) = &args.ready_file {
        // One of an earlier run would be believed.
        let _ = std::fs::remove_file(path);
    }
    let server = Server::start(&loaded.config).await?;
    if let Some(path) = &args.ready_file {
        let facts = server.facts().to_string();
        write_atomically(path, facts.as_bytes())
            .map_err(|error| Failure::new(Code::Failed, format!("{}: {error}", path.display())))?;
    }
    // With a ready file the secrets stand there, and not in what may be somebody's log.
    server.greet(args.ready_file.is_none() || std::io::stdout().is_terminal())?;
    tokio::select! {
        ended = server.run(told) => ended,
        // Whoever says it twice does not want to wait; what is open is handed over again later.
        () = told_again => Err(Failure::new(Code::Failed, "told twice to stop: open turns were cut")),
    }
}

/// A server that answers.
#[derive(Debug)]
pub struct Server {
    parts: Parts,
    folder: Folder,
    url: String,
    fresh: Option<Fresh>,
    /// Cancelled when nobody is to be served any more.
    closing: CancellationToken,
    serving: Vec<JoinHandle<usize>>,
    stop_grace: Duration,
}

impl Server {
    /// Opens the data folder, puts the parts together, and begins to serve.
    ///
    /// # Errors
    /// What cannot be opened: the folder may be in use, the port taken.
    pub async fn start(config: &Config) -> Result<Self, Failure> {
        let folder = Folder::make(&config.data)?;
        if let Err(error) = maru_door::raise_file_limit() {
            tracing::warn!(%error, "the limit of open files stays as it is");
        }
        let listener = listen(config).await?;
        let local_url = local_url(&listener).context("the listener has no address")?;
        let parts = Parts::open(config, folder.paths(), Some(&local_url)).await?;
        let fresh = first::ensure(&parts).await?;
        let url = config.public_url.clone().unwrap_or(local_url);
        parts.hall.start();
        parts.desk.start(parts.accounts.realms().iter().map(|realm| realm.id.clone()));
        if parts.store.is_shared() {
            let (accounts, people) = (Arc::clone(&parts.accounts), Arc::clone(&parts.people));
            tokio::spawn(follow_accounts(accounts, people, parts.stopping.clone()));
        }
        let (hall, notifier) = (parts.hall.clone(), parts.notifier.clone());
        tokio::spawn(crate::alerts::watch(hall, notifier, parts.stopping.clone()));
        let closing = CancellationToken::new();
        let options = ServerOptions {
            max_connections: config.http.connections_max,
            header_timeout: config.http.header_timeout,
            max_header_bytes: config.http.header_bytes_max,
            grace: LAST_ANSWERS,
            metrics: parts.door_metrics.clone(),
            ..ServerOptions::default()
        };
        let chat_options = options.clone();
        // Operators' connections are not counted among those of clients.
        let admin_options = ServerOptions { grace: LAST_ANSWERS, ..ServerOptions::default() };
        let admin_socket = Listener::unix(&folder.paths().admin_socket())
            .with_context(|| folder.paths().admin_socket().display().to_string())?;
        let admin_router = admin::router(parts.admin(Some(url.clone())));
        let serving = vec![
            tokio::spawn(maru_door::serve(
                listener,
                parts.router.clone(),
                options,
                closing.clone(),
            )),
            tokio::spawn(maru_door::serve(
                admin_socket,
                admin_router,
                admin_options,
                closing.clone(),
            )),
        ];
        let mut serving = serving;
        if let Some(address) = config.web_chat_listen {
            let listener = Listener::tcp(address).await;
            let listener = listener.with_context(|| format!("{address} cannot be listened on"))?;
            let router = parts.web_chat_router.clone();
            let served = maru_door::serve(listener, router, chat_options, closing.clone());
            serving.push(tokio::spawn(served));
            tracing::info!(%address, "serving the web chat");
        }
        let (node, data) = (config.node_name(), folder.paths().folder().display());
        tracing::info!(url, node, %data, store = engines::shown_store(config), "serving");
        let stop_grace = config.stop_grace;
        Ok(Self { parts, folder, url, fresh, closing, serving, stop_grace })
    }

    /// Where clients reach it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its parts.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// What whoever started it wants to know.
    pub fn facts(&self) -> serde_json::Value {
        let realm = maru_accounts::DEFAULT_REALM.into();
        let bot = self.parts.hall.directory().bot(&realm, &first::BOT.into());
        let secret = self.fresh.as_ref().map(|fresh| fresh.secrets[0].expose());
        let agents: Vec<_> = self.fresh.iter().flat_map(|fresh| &fresh.agents).map(shown).collect();
        json!({
            "url": self.url,
            "bot": bot.map(|bot| bot.id.clone()),
            "channel": self.fresh.as_ref().map(|_| first::CHANNEL),
            "secret": secret,
            "agents": agents,
            "admin_socket": self.folder.paths().admin_socket(),
            "pid": std::process::id(),
        })
    }

    /// Serves until `told` ends or the store fails.
    ///
    /// # Errors
    /// When the store has failed: nothing more can be acknowledged, and the process must end.
    pub async fn run(self, told: impl Future<Output = ()>) -> Result<(), Failure> {
        let store = Arc::clone(&self.parts.store);
        tokio::select! {
            () = told => {
                tracing::info!("told to stop");
                self.stop().await;
                Ok(())
            }
            cause = failed(&*store) => {
                tracing::error!(%cause, "the store has failed: nothing is acknowledged any more");
                Err(Failure::new(Code::Failed, format!("the store has failed: {cause}")))
            }
        }
    }

    /// Stops: sockets are told to reconnect and nothing new is handed over; open turns get their
    /// grace, in which bots can still call back; then the doors close.
    pub async fn stop(self) {
        self.parts.close(self.stop_grace).await;
        self.closing.cancel();
        for serving in self.serving {
            match serving.await {
                Ok(0) => {}
                Ok(left) => tracing::warn!(left, "connections were cut"),
                Err(error) => tracing::error!(%error, "a listener broke off"),
            }
        }
        tracing::info!("stopped");
    }

    /// Tells what to try.
    fn greet(&self, with_secrets: bool) -> Result<(), Failure> {
        let (url, version) = (&self.url, env!("CARGO_PKG_VERSION"));
        let data = self.folder.paths().folder().display();
        say(format!("Maru {version} serves on {url} and keeps its data in {data}"))?;
        let Some(fresh) = self.fresh.as_ref().filter(|_| with_secrets) else { return Ok(()) };
        let [first, second] = [0, 1].map(|index| fresh.secrets[index].expose());
        let (bot, channel) = (first::BOT, first::CHANNEL);
        let [korean, english] = demo::channels();
        say(format!(
            "\n\
             It is new: it has a bot `{bot}` behind a Direct Line channel `{channel}`, with two secrets that are\n\
             shown this once (`maru secret rotate {channel} --key 1` makes a new one):\n\
             \n\
             \x20 {first}\n\
             \x20 {second}\n\
             \n\
             Talk to the bot with `maru chat` in this folder, or by hand:\n\
             \n\
             \x20 URL={url}/v3/directline\n\
             \x20 AUTH='Authorization: Bearer {first}'\n\
             \x20 ID=$(curl -sX POST $URL/conversations -H \"$AUTH\" | sed 's/.*\"conversationId\":\"\\([^\"]*\\)\".*/\\1/')\n\
             \x20 curl -s $URL/conversations/$ID/activities -H \"$AUTH\" -H 'Content-Type: application/json' \\\n\
             \x20      -d '{{\"type\":\"message\",\"from\":{{\"id\":\"me\"}},\"text\":\"hello\"}}'\n\
             \x20 curl -s $URL/conversations/$ID/activities -H \"$AUTH\"\n\
             \n\
             Two scenarios take an order of coffee:\n\
             \n\
             \x20 maru chat --channel {korean}      # in Korean\n\
             \x20 maru chat --channel {english}      # in English\n",
        ))?;
        Ok(say(desk(url, &fresh.agents))?)
    }
}

/// How to try the desk.
fn desk(url: &str, agents: &[demo::desk::Agent]) -> String {
    let socket = url.replacen("http", "ws", 1);
    let (group, bot) = (demo::desk::GROUP, demo::desk::VIRTUAL);
    let mut text = format!(
        "Two agents answer at {url}/agent/ (`maru person password NAME` makes a new password):\n\n"
    );
    for demo::desk::Agent { login, dn, password } in agents {
        text.push_str(&format!("\x20 {login} at {dn}, password {}\n", password.expose()));
    }
    text.push_str(&format!(
        "\n\
         A customer calls their group {group}, or {bot} for a bot that hands over to them:\n\
         \n\
         \x20 {url}/webchat.html?realm=default&dn_number={bot}&tel_number=01012345678&url={socket}/\n"
    ));
    text
}

/// An agent for whoever started the server.
fn shown(agent: &demo::desk::Agent) -> serde_json::Value {
    let demo::desk::Agent { login, dn, password } = agent;
    json!({ "name": login, "dn": dn, "password": password.expose() })
}

async fn listen(config: &Config) -> anyhow::Result<Listener> {
    let address = config.listen;
    let listener =
        Listener::tcp(address).await.with_context(|| format!("{address} cannot be listened on"))?;
    match (&config.tls.certificate, &config.tls.key) {
        (Some(certificate), Some(key)) => {
            let files = TlsFiles { certificate: certificate.clone(), key: key.clone() };
            Ok(listener.with_tls(&files)?)
        }
        _ => Ok(listener),
    }
}

/// Where the listener can be reached on this machine.
fn local_url(listener: &Listener) -> Option<String> {
    let mut address = listener.local_addr()?;
    if address.ip().is_unspecified() {
        let loopback = match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        };
        address.set_ip(loopback);
    }
    let scheme = if listener.is_secure() { "https" } else { "http" };
    Some(format!("{scheme}://{address}"))
}

/// Ends when the process was told so many times to stop.
fn told_to_stop(times: usize) -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        for _ in 0..times {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
    })
}

/// Notices what other nodes change about realms, their keys and people, until the server stops.
async fn follow_accounts(
    accounts: Arc<Accounts>,
    people: Arc<People>,
    stopping: CancellationToken,
) {
    let mut is_told = false;
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(ACCOUNTS_WATCH) => {}
        }
        let refreshed = match accounts.refresh().await {
            Ok(()) => people.refresh().await,
            failed => failed,
        };
        // Said once, and not each second.
        if let (Err(error), false) = (&refreshed, is_told) {
            tracing::warn!(%error, "it is not known whether realms, their keys or people were changed");
        }
        is_told = refreshed.is_err();
    }
}

/// Ends when the store has failed, with the cause. What is only full or slow gets better.
async fn failed(store: &dyn Store) -> Arc<str> {
    loop {
        if let Err(StoreError::Failed(cause)) = store.healthy().await {
            return cause;
        }
        tokio::time::sleep(STORE_WATCH).await;
    }
}
