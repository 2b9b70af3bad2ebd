//! The command line.

mod alerts;
mod archive;
mod args;
mod bot;
mod channel;
mod chatflow;
mod config;
mod conversations;
mod dead_letters;
mod desk;
mod erase;
mod files;
mod migrate;
mod output;
mod pairs;
mod person;
mod scenario;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use maru_accounts::Secret;
use maru_door::RequestLog;

use crate::admin::Client;
use crate::config::{Given, Loaded, Log, LogFormat, load};
use crate::exit::{CODES, Failure};
use crate::{chat, logging, serve};

/// Maru: a self-hosted bot messaging server.
///
/// `maru serve` starts it. The other verbs talk to the server that holds the data folder, or open
/// the folder themselves when none does.
#[derive(Debug, Parser)]
#[command(name = "maru", version, after_help = CODES, propagate_version = true)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    verb: Verb,
}

/// What every verb takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Common {
    /// The configuration file [default: maru.toml, if it is there]
    #[arg(long, global = true, value_name = "FILE", env = "MARU_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// The data folder [default: ./maru-data]
    // MARU_DATA is read with all other settings.
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Where everything is kept: sqlite: or postgres://… [default: in the data folder]
    // What stands on the command line is seen by everyone on the machine: `env:NAME` is not.
    #[arg(long, global = true, value_name = "URL", value_parser = secret)]
    pub(crate) store: Option<Secret>,
    /// How nodes wake each other: nats://HOST:PORT [default: not at all]
    #[arg(long, global = true, value_name = "URL", value_parser = secret)]
    pub(crate) hints: Option<Secret>,
    /// Where files are kept: file:///… or s3://BUCKET/PREFIX [default: in the data folder]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) blobs: Option<String>,
    /// Print JSON, for scripts
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The realm to work in
    #[arg(long, global = true, value_name = "ID", default_value = "default", hide = true)]
    pub(crate) realm: String,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the server
    Serve(serve::Args),
    /// Talk to a bot from the terminal, over Direct Line
    Chat(chat::Args),
    /// Manage bots: whoever answers
    #[command(subcommand)]
    Bot(bot::Verb),
    /// Manage channels: the doors by which users come in
    #[command(subcommand)]
    Channel(channel::Verb),
    /// Manage the two secrets of a channel
    #[command(subcommand)]
    Secret(channel::SecretVerb),
    /// Manage the numbers that can be called: agents, groups, virtual agents, aliases
    #[command(subcommand)]
    Dn(desk::DnVerb),
    /// Look at the agent desk's settings, and change them
    #[command(subcommand)]
    Desk(desk::DeskVerb),
    /// Manage people: who may sign in, and as what
    #[command(subcommand)]
    Person(person::Verb),
    /// Manage ChatFlow: clients, apps and their scenarios
    #[command(subcommand)]
    Chatflow(chatflow::Verb),
    /// Look at conversations
    #[command(subcommand)]
    Conversations(conversations::Verb),
    /// Look at deliveries that were given up, and set them going again
    #[command(subcommand)]
    DeadLetters(dead_letters::Verb),
    /// Try whether alerts reach the operator
    #[command(subcommand)]
    Alerts(alerts::Verb),
    /// Make bots, channels and people as files say; may be repeated
    Apply(files::Apply),
    /// Write everything into one file, while the server runs
    Backup(files::Backup),
    /// Make a data folder from a backup; no server may be running on it
    Restore(files::Restore),
    /// Write everything into a folder, to move to another store; no server may be running
    Export(archive::Export),
    /// Take in what `maru export` wrote, into an empty store
    Import(archive::ImportArgs),
    /// Bring the store's schema up to date, apart from `maru serve`
    Migrate(migrate::Migrate),
    /// Erase what a person said, and what they alone were told
    Erase(erase::Erase),
    /// Check, import or play scenario files
    #[command(subcommand)]
    Scenario(scenario::Verb),
    /// Check, print or document the configuration
    #[command(subcommand)]
    Config(config::Verb),
    /// Print the version
    Version,
}

/// Any text, which is not shown again.
fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

impl Common {
    /// The settings, with this command line's flags.
    pub(crate) fn load(&self) -> Result<Loaded, Failure> {
        Ok(load(&self.given())?)
    }

    pub(crate) fn given(&self) -> Given {
        let mut given = Given::from_process(self.config.clone());
        given.flag("data", self.data.as_ref().map(|path| path.display()));
        given.flag("store.url", self.store.as_ref().map(Secret::expose));
        given.flag("hints.url", self.hints.as_ref().map(Secret::expose));
        given.flag("blobs.url", self.blobs.as_ref());
        given
    }

    /// The admin API of the data folder.
    pub(crate) async fn client(&self) -> Result<Client, Failure> {
        Client::open(&self.load()?.config).await
    }

    /// A path of the realm's admin API.
    pub(crate) fn path(&self, rest: &str) -> String {
        crate::admin::realm_path(Some(&self.realm), rest)
    }
}

/// Does what the command line says.
///
/// # Errors
/// What to tell, and the exit code.
pub async fn run(cli: Cli) -> Result<(), Failure> {
    let Cli { common, verb } = cli;
    match verb {
        Verb::Serve(args) => return serve::run(&common, args).await,
        Verb::Chat(args) => return chat::run(&common, args).await,
        Verb::Config(verb) => return config::run(&common, verb),
        Verb::Scenario(verb) => {
            quiet_log()?;
            return scenario::run(&common, verb);
        }
        Verb::Version => return config::version(&common),
        Verb::Restore(restore) => {
            quiet_log()?;
            return files::restore(&common, restore).await;
        }
        Verb::Migrate(migrate) => {
            quiet_log()?;
            return migrate::run(&common, migrate).await;
        }
        Verb::Export(export) => {
            quiet_log()?;
            return archive::export(&common, export).await;
        }
        Verb::Import(import) => {
            quiet_log()?;
            return archive::import(&common, import).await;
        }
        _ => {}
    }
    quiet_log()?;
    let client = common.client().await?;
    let done = match verb {
        Verb::Bot(verb) => bot::run(&common, &client, verb).await,
        Verb::Channel(verb) => channel::run(&common, &client, verb).await,
        Verb::Secret(verb) => channel::run_secret(&common, &client, verb).await,
        Verb::Dn(verb) => desk::run_dn(&common, &client, verb).await,
        Verb::Desk(verb) => desk::run_desk(&common, &client, verb).await,
        Verb::Person(verb) => person::run(&common, &client, verb).await,
        Verb::Chatflow(verb) => chatflow::run(&common, &client, verb).await,
        Verb::Conversations(verb) => conversations::run(&common, &client, verb).await,
        Verb::DeadLetters(verb) => dead_letters::run(&common, &client, verb).await,
        Verb::Alerts(verb) => alerts::run(&common, &client, verb).await,
        Verb::Apply(apply) => files::apply(&common, &client, apply).await,
        Verb::Backup(backup) => files::backup(&common, &client, backup).await,
        Verb::Erase(erase) => erase::run(&common, &client, erase).await,
        Verb::Serve(_)
        | Verb::Chat(_)
        | Verb::Config(_)
        | Verb::Scenario(_)
        | Verb::Version
        | Verb::Restore(_)
        | Verb::Migrate(_)
        | Verb::Export(_)
        | Verb::Import(_) => Ok(()),
    };
    client.close().await;
    done
}

/// A verb that opens the store itself says only what went wrong there.
fn quiet_log() -> Result<(), Failure> {
    let log =
        Log { format: LogFormat::Text, level: "warn".to_owned(), requests: RequestLog::Debug };
    Ok(logging::start(&log)?)
}
