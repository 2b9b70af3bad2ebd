//! `maru bot`.

use clap::Subcommand;
use http::Method;
use serde_json::{Value, json};

use super::Common;
use super::output::{record, rows};
use super::pairs::{object, pair};
use crate::admin::{Client, segment};
use crate::exit::Failure;

/// What can be done with bots.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Make a bot known
    Add {
        /// Its name, and its id as far as that goes
        name: String,
        /// Its kind: echo, bot-framework, botkit, plus-friend, chatflow
        #[arg(long)]
        kind: String,
        /// Where it is called, for a kind that has an endpoint
        #[arg(long, value_name = "URL")]
        endpoint: Option<String>,
        /// Another id than one made of the name
        #[arg(long)]
        id: Option<String>,
        /// More settings; JSON values, or else texts
        #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair)]
        set: Vec<(String, Value)>,
    },
    /// List all bots
    List,
    /// Show a bot
    Show {
        /// The bot
        id: String,
    },
    /// Change a bot's settings; an empty value takes one away
    Set {
        /// The bot
        id: String,
        /// name, delivery.… or one of the kind's own settings
        #[arg(required = true, value_name = "NAME=VALUE", value_parser = pair)]
        set: Vec<(String, Value)>,
    },
    /// Call each endpoint of a Plus Friend partner, as the platform's "API test" did
    Test {
        /// The bot
        id: String,
    },
    /// How a Plus Friend partner does, and what it does wrong, as the node that is asked saw it
    Reports {
        /// The bot
        id: String,
    },
    /// Set a Plus Friend bot going again that was stopped, or is in an outage
    Restart {
        /// The bot
        id: String,
    },
    /// Forget a bot; no channel may use it
    Remove {
        /// The bot
        id: String,
    },
}

pub(super) async fn run(common: &Common, client: &Client, verb: Verb) -> Result<(), Failure> {
    let path = |id: &str| common.path(&format!("/bots/{}", segment(id)));
    let answer: Value = match verb {
        Verb::Add { name, kind, endpoint, id, set } => {
            let mut set = object(set);
            if let Some(endpoint) = endpoint {
                set.insert("endpoint".to_owned(), endpoint.into());
            }
            let new = json!({ "name": name, "kind": kind, "id": id, "set": set });
            client.call(Method::POST, &common.path("/bots"), Some(&new)).await?
        }
        Verb::List => {
            let answer: Value = client.call(Method::GET, &common.path("/bots"), None).await?;
            let people = |answer: &Value| rows(&answer["bots"], &["id", "kind", "name"]);
            return Ok(common.print(&answer, people)?);
        }
        Verb::Show { id } => client.call(Method::GET, &path(&id), None).await?,
        Verb::Set { id, set } => {
            client.call(Method::PATCH, &path(&id), Some(&object(set).into())).await?
        }
        Verb::Test { id } => {
            client.call(Method::POST, &format!("{}/test", path(&id)), None).await?
        }
        Verb::Reports { id } => {
            let answer: Value =
                client.call(Method::GET, &format!("{}/reports", path(&id)), None).await?;
            let people = |answer: &Value| {
                rows(&answer["reports"], &["last_at", "times", "call", "code", "problem"])
            };
            return Ok(common.print(&answer, people)?);
        }
        Verb::Restart { id } => {
            client.call(Method::POST, &format!("{}/restart", path(&id)), None).await?
        }
        Verb::Remove { id } => client.call(Method::DELETE, &path(&id), None).await?,
    };
    Ok(common.print(&answer, record)?)
}
