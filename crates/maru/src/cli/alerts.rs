//! `maru alerts`.

use clap::Subcommand;
use http::Method;
use serde_json::{Value, json};

use super::Common;
use super::output::record;
use crate::admin::Client;
use crate::exit::Failure;

/// What can be done with alerts.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Tell the operator a test, by every way that is set under [alerts]
    Test {
        /// Whom to tell, as the gateway takes it
        #[arg(long)]
        to: Option<String>,
    },
}

pub(super) async fn run(common: &Common, client: &Client, verb: Verb) -> Result<(), Failure> {
    let Verb::Test { to } = verb;
    let path = common.path("/alerts/test");
    let answer: Value = client.call(Method::POST, &path, Some(&json!({ "to": to }))).await?;
    Ok(common.print(&answer, record)?)
}
