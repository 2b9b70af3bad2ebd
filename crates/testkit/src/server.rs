//! The real server, on a real port, with a data folder of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{Answer, call};

/// How long it may take to start or stop before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(10);

/// A running server. It is killed when it is dropped, and its folder is removed.
#[derive(Debug)]
pub struct TestServer {
    binary: PathBuf,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    folder: TempDir,
    child: Option<Child>,
    address: Option<SocketAddr>,
    facts: Value,
    secret: String,
}

impl TestServer {
    /// Starts `binary` (a built `maru`) on fresh data and a free port.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start(binary: impl AsRef<Path>) -> Self {
        Self::start_with(binary, &[]).await
    }

    /// As [`TestServer::start`], with more arguments for `maru serve`.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start_with(binary: impl AsRef<Path>, arguments: &[&str]) -> Self {
        Self::start_in(binary, arguments, &[]).await
    }

    /// As [`TestServer::start_with`], with variables for the server and for every verb.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start_in(
        binary: impl AsRef<Path>,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let mut server = Self::prepare(binary, arguments, variables);
        server.up().await;
        server
    }

    /// A server that was not started yet: its data folder may be filled before [`TestServer::up`].
    ///
    /// # Panics
    /// When no folder can be made.
    pub fn prepare(
        binary: impl AsRef<Path>,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            binary: binary.as_ref().to_owned(),
            arguments: arguments.iter().map(ToString::to_string).collect(),
            variables: variables.iter().map(text).collect(),
            folder: TempDir::new().expect("a folder can be made"),
            child: None,
            address: None,
            facts: Value::Null,
            secret: String::new(),
        }
    }

    /// Starts it again on the same data, and on the same port.
    ///
    /// # Panics
    /// When it runs already, or does not come up.
    pub async fn up(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let ready = self.folder.path().join("ready.json");
        let _ = std::fs::remove_file(&ready);
        let listen = self.address.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0)));
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log_file());
        let log = log.expect("the log can be written");
        let mut child = self
            .command()
            .arg("serve")
            .args(["--listen", &listen.to_string()])
            .arg("--ready-file")
            .arg(&ready)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log can be shared"))
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("the binary can be run");
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !ready.exists() {
            let ended = child.try_wait().expect("the child can be asked");
            let late = tokio::time::Instant::now() > deadline;
            assert!(ended.is_none() && !late, "it did not come up: {ended:?}\n{}", self.log());
            tokio::time::sleep(LOOK).await;
        }
        let facts = std::fs::read(&ready).expect("the ready file can be read");
        self.facts = serde_json::from_slice(&facts).expect("the ready file is JSON");
        // It is told once; later it is null.
        if let Some(secret) = self.facts["secret"].as_str() {
            self.secret = secret.to_owned();
        }
        let host = self.url().trim_start_matches("http://").to_owned();
        self.address = Some(host.parse().expect("the URL is an address"));
        self.child = Some(child);
    }

    /// Tells it to stop, and waits until it has. Gives its exit code.
    ///
    /// # Panics
    /// When it does not stop.
    pub async fn stop(&mut self) -> Option<i32> {
        let mut child = self.child.take()?;
        if let Some(pid) = child.id() {
            let told = Command::new("kill").args(["-TERM", &pid.to_string()]).status().await;
            assert!(told.is_ok_and(|status| status.success()), "it can be told to stop");
        }
        let ended = tokio::time::timeout(PATIENCE, child.wait()).await.expect("it stops");
        ended.expect("the child can be asked").code()
    }

    /// Kills it (SIGKILL): what is not on disk now is gone.
    ///
    /// # Panics
    /// When it cannot be killed.
    pub async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().await.expect("it can be killed");
        }
    }

    /// Where clients reach it.
    pub fn url(&self) -> &str {
        self.facts["url"].as_str().unwrap_or_default()
    }

    /// The address it listens on.
    ///
    /// # Panics
    /// Before it was up.
    pub fn address(&self) -> SocketAddr {
        self.address.expect("it was up")
    }

    /// The first secret of the Direct Line channel `web` that the fresh realm was given.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// What the ready file said last.
    pub fn facts(&self) -> &Value {
        &self.facts
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A folder for the test's own files, removed with the server.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Everything it wrote to its outputs so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// A command of the binary with this server's data folder, and without the settings that this
    /// process may have in its environment.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("MARU_") {
                command.env_remove(name);
            }
        }
        command.current_dir(self.folder.path()).env("MARU_DATA", self.data());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a verb of the command line on this server's data.
    ///
    /// # Panics
    /// When it cannot be run or does not end.
    pub async fn run(&self, arguments: &[&str], input: &str) -> Output {
        use tokio::io::AsyncWriteExt as _;
        let mut child = self
            .command()
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the binary can be run");
        let mut stdin = child.stdin.take().expect("it is piped");
        // A verb that reads no input may have ended.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
        output.expect("the verb ends").expect("its output can be read")
    }

    /// Runs a verb with `--json` that must succeed, and gives what it prints.
    ///
    /// # Panics
    /// When it fails.
    pub async fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        let output = self.run(&arguments, "").await;
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "maru {}: {told}", arguments.join(" "));
        serde_json::from_slice(&output.stdout).expect("it prints JSON")
    }

    /// Calls a path of Direct Line with a secret or token.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn direct_line(
        &self,
        credential: &str,
        method: &str,
        path: &str,
        body: &str,
    ) -> Answer {
        let url = format!("{}/v3/directline{path}", self.url());
        let authorization = format!("Bearer {credential}");
        let headers = [("authorization", &*authorization), ("content-type", "application/json")];
        call(method, &url, &headers, body.to_owned()).await
    }
}
