//! `maru conversations`.

use clap::Subcommand;
use http::Method;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::Common;
use super::args::Listing;
use super::output::{page, record};
use crate::admin::{Client, segment};
use crate::exit::Failure;
use crate::terminal::{JsonLine, say};

/// What can be done with conversations.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List conversations, newest first
    List(Listing),
    /// Show a conversation: who takes part, who answers, how far it is
    Show {
        /// The conversation
        id: String,
        /// Print its log instead: one JSON object a line, with what was said
        #[arg(long)]
        entries: bool,
    },
    /// Change who answers a conversation from now on
    Route {
        /// The conversation
        id: String,
        /// bot:ID, or nobody
        to: String,
        /// Only if the route's epoch is still this one
        #[arg(long)]
        epoch: Option<u64>,
    },
}

#[derive(Deserialize)]
struct Entries {
    // As they were written: numbers and the order of members stay.
    entries: Vec<Box<RawValue>>,
    next: Option<u64>,
}

pub(super) async fn run(common: &Common, client: &Client, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::List(listing) => {
            let path = common.path(&format!("/conversations{}", listing.query()));
            let answer: Value = client.call(Method::GET, &path, None).await?;
            let columns =
                ["id", "channel", "bot", "route", "entries", "open_deliveries", "last_at"];
            Ok(common.print(&answer, |answer| page(answer, "conversations", &columns))?)
        }
        Verb::Show { id, entries: false } => {
            let path = common.path(&format!("/conversations/{}", segment(&id)));
            let answer: Value = client.call(Method::GET, &path, None).await?;
            Ok(common.print(&answer, record)?)
        }
        Verb::Show { id, entries: true } => {
            let mut next = Some(0);
            while let Some(from) = next {
                let rest = format!("/conversations/{}/entries?from={from}", segment(&id));
                let answer: Entries = client.call(Method::GET, &common.path(&rest), None).await?;
                for entry in &answer.entries {
                    say(JsonLine(entry.get()))?;
                }
                next = answer.next;
            }
            Ok(())
        }
        Verb::Route { id, to, epoch } => {
            let path = common.path(&format!("/conversations/{}/route", segment(&id)));
            let body = serde_json::json!({ "route": to, "epoch": epoch });
            let answer: Value = client.call(Method::PUT, &path, Some(&body)).await?;
            Ok(common.print(&answer, record)?)
        }
    }
}
