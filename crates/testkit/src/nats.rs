//! A NATS server of a test's own.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::client::{call, eventually};

/// Where Debian's package puts the server.
const BINARY: &str = "/usr/sbin/nats-server";

/// A real NATS server on 127.0.0.1, on a free port that it keeps when it is stopped and started
/// again. It ends with this value, also when the test fails.
#[derive(Debug)]
pub struct Nats {
    folder: TempDir,
    child: Option<Child>,
    ports: Option<(u16, u16)>,
}

impl Nats {
    /// Starts a server, and gives it once it answers.
    ///
    /// # Panics
    /// When there is no server to start: `apt-get install nats-server`.
    pub async fn run() -> Self {
        assert!(Path::new(BINARY).exists(), "{BINARY} is absent: apt-get install nats-server");
        let folder = TempDir::new().expect("a folder can be made");
        let mut nats = Self { folder, child: None, ports: None };
        nats.start().await;
        nats
    }

    /// Starts it again, on its port.
    ///
    /// # Panics
    /// When it runs already, or does not come up.
    pub async fn start(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        // With -1 it takes a free port, and says which in a file.
        let (port, monitoring) = self.ports.map_or((-1, -1), |(a, b)| (i32::from(a), i32::from(b)));
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log_file());
        let log = log.expect("the log can be written");
        let child = Command::new(BINARY)
            .args(["--addr", "127.0.0.1"])
            .args(["--port", &port.to_string(), "--http_port", &monitoring.to_string()])
            .arg("--ports_file_dir")
            .arg(self.folder.path())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log can be shared"))
            .stderr(log)
            .spawn()
            .expect("the server can be run");
        let file = self.folder.path().join(format!("nats-server_{}.ports", child.id()));
        self.child = Some(child);
        let ports = eventually("the NATS server", async || {
            let ports: Value = serde_json::from_slice(&std::fs::read(&file).ok()?).ok()?;
            Some((port_of(&ports["nats"])?, port_of(&ports["monitoring"])?))
        });
        self.ports = Some(ports.await);
        eventually("the NATS server", async || {
            tokio::net::TcpStream::connect(("127.0.0.1", self.port())).await.ok()
        })
        .await;
    }

    /// Stops it (SIGKILL): whoever is connected finds the connection broken.
    ///
    /// # Panics
    /// When it cannot be stopped.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it can be killed");
            child.wait().expect("it ends");
        }
    }

    /// Where clients reach it: `nats://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port())
    }

    /// The subjects of the clients' subscriptions now, in order.
    ///
    /// # Panics
    /// When it does not run.
    pub async fn subscriptions(&self) -> Vec<String> {
        let monitoring = self.ports.expect("it was up").1;
        let url = format!("http://127.0.0.1:{monitoring}/connz?subs=1&limit=1024");
        let answer = call("GET", &url, &[], "").await.json();
        let of = |connection: &Value| {
            let list = connection["subscriptions_list"].as_array().cloned().unwrap_or_default();
            list.into_iter().filter_map(|subject| subject.as_str().map(ToOwned::to_owned))
        };
        let connections = answer["connections"].as_array().cloned().unwrap_or_default();
        let mut subjects: Vec<String> = connections.iter().flat_map(of).collect();
        subjects.sort();
        subjects
    }

    /// What it wrote to its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn port(&self) -> u16 {
        self.ports.expect("it was up").0
    }

    fn log_file(&self) -> std::path::PathBuf {
        self.folder.path().join("log")
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The port in `["nats://127.0.0.1:4222"]`.
fn port_of(urls: &Value) -> Option<u16> {
    urls[0].as_str()?.rsplit_once(':')?.1.parse().ok()
}
