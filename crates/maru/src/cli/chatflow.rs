//! `maru chatflow`: clients, apps and their scenarios.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Subcommand;
use http::Method;
use serde_json::{Value, json};

use super::Common;
use super::output::{record, rows};
use crate::admin::{Client, segment};
use crate::exit::{Code, Failure};

/// What can be done with ChatFlow.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Sign a client up; its client_id is shown this once
    SignUp {
        /// Its name
        name: String,
    },
    /// List the clients
    Clients,
    /// Make an app for a scenario; its app_id is shown this once
    Add {
        /// Its name
        name: String,
        /// The client that it belongs to, by its id
        #[arg(long)]
        client: String,
        /// Whom to alert when it fails: +82… or 010…
        #[arg(long)]
        monitor_phone: String,
        /// You have consented to the processing of personal data
        #[arg(long)]
        privacy_consent: bool,
        /// Its public handle; without one it is made
        #[arg(long)]
        handle: Option<String>,
    },
    /// List the apps
    Apps,
    /// Show an app
    Show {
        /// The app's handle
        app: String,
    },
    /// Keep a scenario file as the app's draft, and tell what is wrong with it
    Draft {
        /// The app's handle
        app: String,
        /// The file
        file: PathBuf,
    },
    /// Make the draft the next version
    Publish {
        /// The app's handle
        app: String,
        /// What is new
        #[arg(long, default_value = "")]
        note: String,
    },
    /// List an app's versions
    Versions {
        /// The app's handle
        app: String,
    },
    /// Make an earlier version live again
    Rollback {
        /// The app's handle
        app: String,
        /// The version
        number: u64,
    },
    /// Try the draft, or a version, with a trace; nothing of it is counted
    Try {
        /// The app's handle
        app: String,
        /// What the user says; without it the user comes in
        said: Option<String>,
        /// `draft`, or a version
        #[arg(long, default_value = "draft", value_name = "VERSION")]
        of: String,
        /// The user's key
        #[arg(long, default_value = "terminal")]
        user: String,
    },
    /// Take an app away that no bot uses, or a client that has no app
    #[command(
        after_help = "With an app go its draft, all its versions, and its users' places with what they \
                      answered. What was said stays in the log, as long as everything does. The \
                      app_id or client_id is good for nothing from then on. It cannot be undone."
    )]
    Remove {
        /// The client's id or the app's handle
        of: String,
        /// It is a client's
        #[arg(long)]
        client: bool,
        /// Do it
        #[arg(long)]
        yes: bool,
    },
    /// Make another client_id or app_id; the one before stays good until it is retired
    Rotate {
        /// The client's id or the app's handle
        of: String,
        /// It is a client's
        #[arg(long)]
        client: bool,
    },
    /// Let only the newest client_id or app_id be good
    Retire {
        /// The client's id or the app's handle
        of: String,
        /// It is a client's
        #[arg(long)]
        client: bool,
    },
}

pub(super) async fn run(common: &Common, client: &Client, verb: Verb) -> Result<(), Failure> {
    let path = |rest: &str| common.path(&format!("/chatflow{rest}"));
    let app = |app: &str, rest: &str| path(&format!("/apps/{}{rest}", segment(app)));
    let either = |of: &str, is_client: bool, rest: &str| {
        let kind = if is_client { "clients" } else { "apps" };
        path(&format!("/{kind}/{}{rest}", segment(of)))
    };
    let call = async |method, path: String, body: Option<Value>| {
        client.call::<Value>(method, &path, body.as_ref()).await
    };
    let answer = match verb {
        Verb::SignUp { name } => {
            call(Method::POST, path("/clients"), Some(json!({ "name": name }))).await?
        }
        Verb::Clients => {
            let answer = call(Method::GET, path("/clients"), None).await?;
            let people = |answer: &Value| rows(&answer["clients"], &["id", "name"]);
            return Ok(common.print(&answer, people)?);
        }
        Verb::Add { name, client, monitor_phone, privacy_consent, handle } => {
            let new = json!({
                "name": name, "client": client, "monitor_phone": monitor_phone,
                "privacy_consent": privacy_consent, "handle": handle,
            });
            call(Method::POST, path("/apps"), Some(new)).await?
        }
        Verb::Apps => {
            let answer = call(Method::GET, path("/apps"), None).await?;
            let people = |answer: &Value| rows(&answer["apps"], &["handle", "name", "live"]);
            return Ok(common.print(&answer, people)?);
        }
        Verb::Show { app: handle } => call(Method::GET, app(&handle, ""), None).await?,
        Verb::Draft { app: handle, file } => {
            let text = std::fs::read(&file).with_context(|| file.display().to_string());
            let text = text.map_err(|error| Failure::new(Code::NotFound, format!("{error:#}")))?;
            let draft: Value = serde_json::from_slice(&text).map_err(|error| {
                Failure::new(Code::Usage, format!("{}: {error}", file.display()))
            })?;
            call(Method::PUT, app(&handle, "/draft"), Some(draft)).await?
        }
        Verb::Publish { app: handle, note } => {
            call(Method::POST, app(&handle, "/publish"), Some(json!({ "note": note }))).await?
        }
        Verb::Versions { app: handle } => {
            let answer = call(Method::GET, app(&handle, "/versions"), None).await?;
            let people =
                |answer: &Value| rows(&answer["versions"], &["version", "published_at", "note"]);
            return Ok(common.print(&answer, people)?);
        }
        Verb::Rollback { app: handle, number } => {
            let to = json!({ "version": number });
            call(Method::POST, app(&handle, "/rollback"), Some(to)).await?
        }
        Verb::Try { app: handle, said, of, user } => {
            let version = of.parse::<u64>().map_or_else(|_| json!(of), Value::from);
            let order = if said.is_some() { "/test/message" } else { "/test/init" };
            let mut asked = json!({ "user_key": user, "version": version });
            if let Some(said) = said {
                asked["content"] = said.into();
            }
            call(Method::POST, app(&handle, order), Some(asked)).await?
        }
        Verb::Remove { yes: false, .. } => {
            return Err(Failure::new(Code::Usage, "this cannot be undone: say --yes to do it"));
        }
        Verb::Remove { of, client, yes: true } => {
            call(Method::DELETE, either(&of, client, ""), None).await?
        }
        Verb::Rotate { of, client } => {
            call(Method::POST, either(&of, client, "/secret"), None).await?
        }
        Verb::Retire { of, client } => {
            call(Method::DELETE, either(&of, client, "/secret"), None).await?
        }
    };
    Ok(common.print(&answer, record)?)
}
