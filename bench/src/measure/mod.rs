//! Measurements of a running server, beside a bare axum echo in the same run.

pub mod chatflow;
pub mod cluster;
pub mod echo;
pub mod kakao;
pub mod kore;
pub mod latency;
pub mod load;
pub mod posts;
pub mod raw;
pub mod report;
pub mod sockets;
pub mod sync;
pub mod web_chat;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::direct_line::{self, Started};
use crate::http::Connection;
use crate::machine::Cores;
use crate::server::{Metrics, Server, Setup};

/// What all measurements share.
#[derive(Debug)]
pub struct Stage {
    /// The server's binary.
    pub maru: PathBuf,
    /// The run's folder.
    pub folder: PathBuf,
    /// The cores of server and driver, if they have one each.
    pub cores: Option<Cores>,
}

impl Stage {
    /// Starts a server with fresh data in a folder of its own.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn server(&self, name: &str) -> Result<Server> {
        let setup = Setup {
            maru: self.maru.clone(),
            folder: self.folder.join(name),
            port: 0,
            core: self.server_core(),
            wrapper: Vec::new(),
            // A conversation that is left to nobody is to cost a post, and not a notice, too.
            settings: vec![("MARU_HALL__NOBODY_NOTICE", String::new())],
        };
        Server::start(setup).await
    }

    /// The core of whatever is measured.
    fn server_core(&self) -> Option<usize> {
        self.cores.map(|cores| cores.server)
    }

    /// Where the data of what is measured lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// The secret of the door that a fresh server opens to its echo bot.
fn echo_secret(server: &Server) -> Result<String> {
    server.ready.secret.clone().context("a fresh server tells a secret")
}

/// How many commits shared a transaction, on average, between two looks at the metrics.
fn commits_per_sync(before: &Metrics, after: &Metrics) -> Option<f64> {
    let grown = |name| Some(after.get(name)? - before.get(name)?);
    let syncs = grown("maru_store_batches_total").filter(|syncs| *syncs > 0.0)?;
    Some(grown("maru_store_batched_commits_total")? / syncs)
}

/// Starts conversations, each for a user of its own.
async fn start_conversations(server: &Server, secret: &str, count: usize) -> Result<Vec<Started>> {
    let mut connection = Connection::open(server.address).await?;
    let mut conversations = Vec::with_capacity(count);
    for number in 0..count {
        let user = format!("dl_user-{number:05}");
        let user = Some(user.as_str());
        let started = direct_line::start(&mut connection, server.address, secret, user).await;
        conversations.push(started.context("could not start a conversation")?);
    }
    Ok(conversations)
}

/// The value in the middle of measured ones.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.get(middle), values.len() % 2) {
        (Some(value), 1) => *value,
        (Some(value), _) => {
            f64::midpoint(*value, values.get(middle - 1).copied().unwrap_or(*value))
        }
        (None, _) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_median_is_in_the_middle() {
        let median = |values: &[f64]| super::median(values.iter().copied());
        assert_eq!(median(&[9.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 9.0]), 3.0);
        assert_eq!(median(&[]), 0.0);
    }
}
