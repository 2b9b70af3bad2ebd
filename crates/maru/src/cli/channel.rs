//! `maru channel` and `maru secret`.

use clap::Subcommand;
use http::Method;
use serde_json::{Value, json};

use super::Common;
use super::output::{record, rows};
use super::pairs::{object, pair};
use crate::admin::{Client, segment};
use crate::exit::Failure;

/// What can be done with channels.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Open a channel; its secrets are shown this once
    Add {
        /// Its id; without one it is made
        name: Option<String>,
        /// Its kind: direct-line, kore, kakao-plus-friend, kakao-skill, naver-talktalk, web-chat
        #[arg(long)]
        kind: String,
        /// The bot that its conversations are opened with
        #[arg(long)]
        bot: String,
        /// More settings; JSON values, or else texts
        #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair)]
        set: Vec<(String, Value)>,
    },
    /// List all channels
    List,
    /// Show a channel
    Show {
        /// The channel
        id: String,
    },
    /// Change a channel's settings; an empty value takes one away
    Set {
        /// The channel
        id: String,
        /// bot, keep_days or one of the kind's own settings
        #[arg(required = true, value_name = "NAME=VALUE", value_parser = pair)]
        set: Vec<(String, Value)>,
    },
    /// Close a channel; its conversations stay in the log
    Remove {
        /// The channel
        id: String,
    },
}

/// What can be done with secrets.
#[derive(Debug, Subcommand)]
pub(super) enum SecretVerb {
    /// List a channel's secrets: their ids and ages, never their texts
    List {
        /// The channel
        channel: String,
    },
    /// Put a new secret in the place of one; it is shown this once
    Rotate {
        /// The channel
        channel: String,
        /// Which of them; api: the key of the web SDK's pages, for Kore.ai apps
        #[arg(long, value_parser = ["1", "2", "api"])]
        key: String,
    },
    /// Make one worthless, and every token that it made
    Revoke {
        /// The channel
        channel: String,
        /// Which of them; api: the key of the web SDK's pages, for Kore.ai apps
        #[arg(long, value_parser = ["1", "2", "api"])]
        key: String,
    },
}

pub(super) async fn run(common: &Common, client: &Client, verb: Verb) -> Result<(), Failure> {
    let path = |id: &str| common.path(&format!("/channels/{}", segment(id)));
    let answer: Value = match verb {
        Verb::Add { name, kind, bot, set } => {
            let new = json!({ "name": name, "kind": kind, "bot": bot, "set": object(set) });
            client.call(Method::POST, &common.path("/channels"), Some(&new)).await?
        }
        Verb::List => {
            let answer: Value = client.call(Method::GET, &common.path("/channels"), None).await?;
            let people = |answer: &Value| rows(&answer["channels"], &["id", "kind", "bot"]);
            return Ok(common.print(&answer, people)?);
        }
        Verb::Show { id } => client.call(Method::GET, &path(&id), None).await?,
        Verb::Set { id, set } => {
            client.call(Method::PATCH, &path(&id), Some(&object(set).into())).await?
        }
        Verb::Remove { id } => client.call(Method::DELETE, &path(&id), None).await?,
    };
    Ok(common.print(&answer, record)?)
}

pub(super) async fn run_secret(
    common: &Common,
    client: &Client,
    verb: SecretVerb,
) -> Result<(), Failure> {
    let path = |id: &str| common.path(&format!("/channels/{}/secrets", segment(id)));
    let answer: Value = match verb {
        SecretVerb::List { channel } => {
            let answer: Value = client.call(Method::GET, &path(&channel), None).await?;
            let people = |answer: &Value| rows(&answer["secrets"], &["key", "id", "created_at"]);
            return Ok(common.print(&answer, people)?);
        }
        SecretVerb::Rotate { channel, key } => {
            client.call(Method::POST, &format!("{}/{key}", path(&channel)), None).await?
        }
        SecretVerb::Revoke { channel, key } => {
            client.call(Method::DELETE, &format!("{}/{key}", path(&channel)), None).await?
        }
    };
    Ok(common.print(&answer, record)?)
}
