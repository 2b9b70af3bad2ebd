//! The lunch vote's program. `PORT` is where it listens, on the loopback interface; `LUNCH_DB` is its file.

use std::env;
use std::io::{Write as _, stderr, stdout};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use lunch_vote::{Clock, Store, router};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

const PORT: u16 = 5000;
const FILE: &str = "lunch-vote.db";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(stderr).init();
    let port = match env::var("PORT") {
        Ok(port) => port.parse().context("PORT is no port")?,
        Err(_) => PORT,
    };
    let file = env::var_os("LUNCH_DB").map_or_else(|| FILE.into(), PathBuf::from);
    let store =
        Store::open(&file).with_context(|| format!("{} cannot be opened", file.display()))?;

    // Nothing tells who calls, so nobody from outside should be able to.
    let listener = TcpListener::bind(("127.0.0.1", port))
        .await
        .with_context(|| format!("port {port} cannot be listened on"))?;
    writeln!(stdout(), "listening on http://{}", listener.local_addr()?)?;
    let mut terminated = signal(SignalKind::terminate())?;
    let stop = async move {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    axum::serve(listener, router(store, system_clock())).with_graceful_shutdown(stop).await?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "this is the clock that everyone else is handed")]
fn system_clock() -> Clock {
    Arc::new(std::time::SystemTime::now)
}
