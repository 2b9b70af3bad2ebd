//! The yardstick: axum reading JSON and answering it. What a web server costs on this machine before it
//! does anything.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;

use anyhow::{Context, Result};
use axum::Json;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::routing::{any, post};
use axum::serve::ListenerExt;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdin, Command};

use crate::server::spawn_on;

/// The path that echoes.
pub const PATH: &str = "/echo";

/// The path of the WebSocket that echoes.
pub const SOCKET: &str = "/socket";

/// Serves the echo until the standard input ends: whoever started it has gone then. `told` gets the
/// address.
///
/// # Errors
/// What the system says.
pub async fn serve(told: impl FnOnce(SocketAddr)) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    told(listener.local_addr()?);
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let router = axum::Router::new().route(PATH, post(|body: Json<Value>| async { body }));
    let router = router
        .route(SOCKET, any(|upgrade: WebSocketUpgrade| async { upgrade.on_upgrade(echo_frames) }));
    tokio::select! {
        served = axum::serve(listener, router) => Ok(served?),
        _ = orphaned() => Ok(()),
    }
}

/// Reads the JSON of each frame and answers it.
async fn echo_frames(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        let Message::Text(text) = message else { continue };
        let Ok(value) = serde_json::from_str::<Value>(&text) else { return };
        if socket.send(Message::text(value.to_string())).await.is_err() {
            return;
        }
    }
}

async fn orphaned() {
    let to_its_end = || io::copy(&mut io::stdin(), &mut io::sink());
    // An input that cannot be read is one that has ended.
    drop(tokio::task::spawn_blocking(to_its_end).await);
}

/// The echo in a process of its own. It ends when this is dropped.
#[derive(Debug)]
pub struct Echo {
    child: Child,
    /// Held open for as long as the echo is wanted.
    _input: Option<ChildStdin>,
    /// Where it answers.
    pub address: SocketAddr,
}

impl Echo {
    /// Starts this very program as the echo, on the core that the server is measured on.
    ///
    /// # Errors
    /// What the system says.
    pub async fn start(core: Option<usize>) -> Result<Self> {
        let program = std::env::current_exe().context("where is this program?")?;
        let mut command = Command::new(program);
        command.arg("echo-server").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = spawn_on(core, command.kill_on_drop(true))?;
        let input = child.stdin.take();
        let output = child.stdout.take().context("the echo has no output")?;
        let line = BufReader::new(output).lines().next_line().await?;
        let address = line.and_then(|line| line.parse().ok()).context("the echo did not start")?;
        Ok(Self { child, _input: input, address })
    }

    /// Its process id.
    ///
    /// # Errors
    /// When it has ended.
    pub fn pid(&self) -> Result<u32> {
        self.child.id().context("the echo has ended")
    }
}
