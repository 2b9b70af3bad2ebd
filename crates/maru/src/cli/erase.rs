//! `maru erase`.

use clap::{ArgGroup, Args};
use http::Method;
use serde_json::{Value, json};

use super::Common;
use super::output::record;
use crate::admin::Client;
use crate::exit::{Code, Failure};

/// Whom to erase.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("whom").required(true).args(["person", "user"])))]
#[command(
    after_help = "What they said goes, what they alone were told, and their files; the places in the log \
                        stay, empty. It cannot be undone, and restoring a backup repeats it."
)]
pub(crate) struct Erase {
    /// The person, with all their participants (`maru conversations show` names them)
    #[arg(long, value_name = "ID")]
    person: Option<String>,
    /// The channel of --user
    #[arg(long, value_name = "ID", requires = "user")]
    channel: Option<String>,
    /// The user's id in that channel
    #[arg(long, value_name = "ID", requires = "channel")]
    user: Option<String>,
    /// Do it
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(common: &Common, client: &Client, erase: Erase) -> Result<(), Failure> {
    let Erase { person, channel, user, yes } = erase;
    if !yes {
        return Err(Failure::new(Code::Usage, "this cannot be undone: say --yes to do it"));
    }
    let who = json!({ "person": person, "channel": channel, "user": user });
    let answer: Value = client.call(Method::POST, &common.path("/erase"), Some(&who)).await?;
    Ok(common.print(&answer, record)?)
}
