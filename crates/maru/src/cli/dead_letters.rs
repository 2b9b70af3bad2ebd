//! `maru dead-letters`.

use clap::Subcommand;
use http::Method;
use serde_json::{Value, json};

use super::Common;
use super::args::Listing;
use super::output::{page, record, rows};
use crate::admin::{Client, segment};
use crate::exit::Failure;

/// What can be done with dead letters.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List them, newest first
    List(Listing),
    /// Show one, with its failed attempts
    Show {
        /// The delivery
        id: String,
    },
    /// Set one going again, or all: out of order, and marked so
    Replay {
        /// The delivery
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        id: Option<String>,
        /// All of them
        #[arg(long)]
        all: bool,
        /// Of these, only those to this bot
        #[arg(long, requires = "all")]
        bot: Option<String>,
    },
}

pub(super) async fn run(common: &Common, client: &Client, verb: Verb) -> Result<(), Failure> {
    let path = |id: &str| common.path(&format!("/dead-letters/{}", segment(id)));
    match verb {
        Verb::List(listing) => {
            let path = common.path(&format!("/dead-letters{}", listing.query()));
            let answer: Value = client.call(Method::GET, &path, None).await?;
            let columns = ["id", "bot", "conversation", "attempts", "created_at", "cause"];
            Ok(common.print(&answer, |answer| page(answer, "dead_letters", &columns))?)
        }
        Verb::Show { id } => {
            let answer: Value = client.call(Method::GET, &path(&id), None).await?;
            Ok(common.print(&answer, |answer| {
                let mut answer = answer.clone();
                let attempts = answer["failed_attempts"].take();
                let columns = ["number", "at", "took_ms", "outcome", "cause"];
                format!("{}\n\n{}", record(&answer), rows(&attempts, &columns))
            })?)
        }
        Verb::Replay { id, all: _, bot } => {
            let answer: Value = match id {
                Some(id) => client.call(Method::POST, &path(&id), None).await?,
                None => {
                    let all = json!({ "bot": bot });
                    client.call(Method::POST, &common.path("/dead-letters"), Some(&all)).await?
                }
            };
            Ok(common.print(&answer, record)?)
        }
    }
}
