//! The server under test: the real binary as a child process, with its own data folder.

use std::fs::{self, OpenOptions};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::http::{Connection, request};
use crate::machine;

/// How long a server may take until it serves. Recovery after a kill counts in it.
const START_MAX: Duration = Duration::from_secs(60);

/// How long a graceful stop may take: open turns get 10 s.
const STOP_MAX: Duration = Duration::from_secs(20);

/// What `maru serve` writes into its ready file once it answers.
#[derive(Clone, Debug, Deserialize)]
pub struct Ready {
    /// The base URL.
    pub url: String,
    /// The bot that the default realm was given.
    pub bot: String,
    /// The Direct Line secret of that bot's door. It is shown once, when the realm is fresh.
    pub secret: Option<String>,
    /// The server's process id.
    pub pid: u32,
}

/// How a server is started.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The binary.
    pub maru: PathBuf,
    /// Where it keeps its data, its ready file and its output.
    pub folder: PathBuf,
    /// The port it serves; 0 lets the system choose.
    pub port: u16,
    /// The core that it is kept on.
    pub core: Option<usize>,
    /// What the binary is run by: a tracer with its arguments. Empty: by nobody.
    pub wrapper: Vec<String>,
    /// Variables that set the server otherwise than by default.
    pub settings: Vec<(&'static str, String)>,
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    setup: Setup,
    child: Child,
    /// What it wrote once it answered.
    pub ready: Ready,
    /// Where it answers.
    pub address: SocketAddr,
    /// How long it took from its start until it answered.
    pub started_in: Duration,
}

impl Drop for Server {
    fn drop(&mut self) {
        // A tracer that is killed leaves the server behind. One that was waited for has gone.
        if !self.setup.wrapper.is_empty() && self.child.id().is_some() {
            drop(signal(self.ready.pid, rustix::process::Signal::KILL));
        }
    }
}

impl Server {
    /// Starts a server and waits until it serves.
    ///
    /// # Errors
    /// When it ends or stays silent, with the end of its output.
    pub async fn start(setup: Setup) -> Result<Self> {
        fs::create_dir_all(&setup.folder).context("the server's folder")?;
        let ready_file = setup.folder.join("ready.json");
        if ready_file.exists() {
            fs::remove_file(&ready_file).context("the old ready file")?;
        }
        let started = Instant::now();
        let mut child = spawn_on(setup.core, &mut command(&setup)?)
            .with_context(|| format!("could not run {}", setup.maru.display()))?;
        let ready: Ready = loop {
            if let Some(ready) = read_json(&ready_file) {
                break ready;
            }
            if let Some(status) = child.try_wait()? {
                bail!("the server ended ({status}) before it served:\n{}", tail(&setup));
            }
            if started.elapsed() > START_MAX {
                bail!("the server did not serve within {START_MAX:?}:\n{}", tail(&setup));
            }
            sleep(Duration::from_millis(2)).await;
        };
        let started_in = started.elapsed();
        let host = ready.url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
        let address = host.and_then(|host| host.parse().ok());
        let address = address.with_context(|| format!("no plain address: {}", ready.url))?;
        Ok(Self { setup, child, ready, address, started_in })
    }

    /// SIGKILL: what is not on disk now is gone.
    ///
    /// # Errors
    /// What the system says.
    pub async fn kill(&mut self) -> Result<()> {
        self.child.kill().await.context("could not kill the server")
    }

    /// Starts the server again, after it was killed, on the same data and port.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn restart(&mut self) -> Result<()> {
        let setup = Setup { port: self.address.port(), ..self.setup.clone() };
        *self = Self::start(setup).await?;
        Ok(())
    }

    /// SIGSTOP: it stands still, and its connections stay open.
    ///
    /// # Errors
    /// What the system says.
    pub fn freeze(&self) -> Result<()> {
        signal(self.ready.pid, rustix::process::Signal::STOP)
    }

    /// SIGCONT: it goes on as if no time had passed.
    ///
    /// # Errors
    /// What the system says.
    pub fn wake(&self) -> Result<()> {
        signal(self.ready.pid, rustix::process::Signal::CONT)
    }

    /// SIGTERM, by the process id that the server told: with a wrapper the child is another.
    ///
    /// # Errors
    /// When it does not end in time. It is killed then.
    pub async fn stop(mut self) -> Result<ExitStatus> {
        signal(self.ready.pid, rustix::process::Signal::TERM)?;
        match tokio::time::timeout(STOP_MAX, self.child.wait()).await {
            Ok(status) => Ok(status?),
            Err(_) => {
                signal(self.ready.pid, rustix::process::Signal::KILL)?;
                self.child.kill().await?;
                bail!("the server did not stop within {STOP_MAX:?}")
            }
        }
    }

    /// Whether the server has ended by itself.
    ///
    /// # Errors
    /// What the system says.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// The folder that it was started in: for what a driver wants to leave there.
    pub fn folder(&self) -> &Path {
        &self.setup.folder
    }

    /// The last lines of its output.
    pub fn tail(&self) -> String {
        tail(&self.setup)
    }

    /// Runs a verb of the command line against the running server and reads the JSON it prints.
    ///
    /// # Errors
    /// When it fails or prints anything else.
    pub async fn cli<T: DeserializeOwned>(&self, verb: &[&str]) -> Result<T> {
        let printed = self.printed(verb).await?;
        serde_json::from_slice(&printed).with_context(|| format!("maru {}", verb.join(" ")))
    }

    /// The same for a verb that prints one JSON object a line.
    ///
    /// # Errors
    /// As [`Server::cli`].
    pub async fn cli_lines<T: DeserializeOwned>(&self, verb: &[&str]) -> Result<Vec<T>> {
        let printed = self.printed(verb).await?;
        let lines = serde_json::Deserializer::from_slice(&printed).into_iter();
        lines.collect::<Result<_, _>>().with_context(|| format!("maru {}", verb.join(" ")))
    }

    async fn printed(&self, verb: &[&str]) -> Result<Vec<u8>> {
        let mut command = Command::new(&self.setup.maru);
        command.args(verb).arg("--data").arg(data(&self.setup)).arg("--json");
        let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await?;
        if !output.status.success() {
            let error = String::from_utf8_lossy(&output.stderr);
            bail!("maru {} failed ({}): {}", verb.join(" "), output.status, error.trim());
        }
        Ok(output.stdout)
    }

    /// Makes a Bot Framework bot known, with a Direct Line door of its own in front of it. Gives
    /// the door's first secret.
    ///
    /// # Errors
    /// As [`Server::cli`].
    pub async fn add_bot(&self, name: &str, endpoint: &str) -> Result<String> {
        #[derive(Deserialize)]
        struct Added {
            id: String,
        }
        let bot = ["bot", "add", name, "--kind", "bot-framework", "--endpoint", endpoint];
        let bot: Added = self.cli(&bot).await?;
        self.add_door(&bot.id).await
    }

    /// Opens another Direct Line door in front of a bot that is known. Gives its first secret.
    ///
    /// # Errors
    /// As [`Server::cli`].
    pub async fn add_door(&self, bot: &str) -> Result<String> {
        #[derive(Deserialize)]
        struct Added {
            secrets: Vec<String>,
        }
        let door = ["channel", "add", "--kind", "direct-line", "--bot", bot];
        let door: Added = self.cli(&door).await?;
        door.secrets.into_iter().next().context("the door has no secret")
    }

    /// Whether the command line can change who answers a conversation.
    ///
    /// # Errors
    /// What the system says.
    pub async fn can_route(&self) -> Result<bool> {
        let mut command = Command::new(&self.setup.maru);
        command.args(["conversations", "route", "--help"]);
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(command.kill_on_drop(true).status().await?.success())
    }

    /// Leaves a conversation to nobody: what is posted is kept, and delivered to no one.
    ///
    /// # Errors
    /// As [`Server::cli`].
    pub async fn route_to_nobody(&self, conversation: &str) -> Result<()> {
        self.printed(&["conversations", "route", conversation, "nobody"]).await.map(drop)
    }

    /// What `/metrics` tells.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn metrics(&self) -> Result<Metrics> {
        let mut connection = Connection::open(self.address).await?;
        let answer = connection.call(&request("GET", self.address, "/metrics", None, b"")).await?;
        if answer.status != 200 {
            bail!("/metrics answered {}", answer.status);
        }
        Ok(Metrics(String::from_utf8_lossy(answer.body).into_owned()))
    }
}

/// What `/metrics` told at one moment.
#[derive(Clone, Debug)]
pub struct Metrics(String);

impl Metrics {
    /// The sum of all series of the metric whose name is `name`.
    pub fn get(&self, name: &str) -> Option<f64> {
        let values = self.0.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            let value = match rest.strip_prefix('{') {
                Some(labels) => labels.split_once("} ")?.1,
                None => rest.strip_prefix(' ')?,
            };
            value.split(' ').next()?.parse::<f64>().ok()
        });
        values.fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
    }
}

fn data(setup: &Setup) -> PathBuf {
    setup.folder.join("data")
}

fn command(setup: &Setup) -> Result<Command> {
    let mut command = match setup.wrapper.split_first() {
        None => Command::new(&setup.maru),
        Some((wrapper, arguments)) => {
            let mut command = Command::new(wrapper);
            command.args(arguments).arg(&setup.maru);
            command
        }
    };
    command.arg("serve").arg("--listen").arg(format!("127.0.0.1:{}", setup.port));
    command.arg("--data").arg(data(setup)).arg("--ready-file").arg(setup.folder.join("ready.json"));
    command.envs(setup.settings.iter().map(|(name, value)| (name, value)));
    let output = OpenOptions::new().create(true).append(true).open(output_file(setup))?;
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).kill_on_drop(true);
    Ok(command)
}

fn output_file(setup: &Setup) -> PathBuf {
    setup.folder.join("server.log")
}

fn tail(setup: &Setup) -> String {
    let text = fs::read(output_file(setup)).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(15)..).unwrap_or_default().join("\n")
}

/// A child inherits the core of the thread that starts it; there is no other way without `unsafe`.
pub(crate) fn spawn_on(core: Option<usize>, command: &mut Command) -> Result<Child> {
    let Some(core) = core else {
        return Ok(command.spawn()?);
    };
    let runtime = tokio::runtime::Handle::current();
    let spawned = std::thread::scope(|scope| {
        let starter = scope.spawn(|| {
            machine::stay_on(core)?;
            let _inside = runtime.enter();
            Ok(command.spawn()?)
        });
        starter.join()
    });
    spawned.map_err(|_| anyhow::anyhow!("the thread that starts the server panicked"))?
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    // A file that is not there yet, or not whole yet, is looked at again.
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

pub(crate) fn signal(pid: u32, signal: rustix::process::Signal) -> Result<()> {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    let pid = pid.context("not a process id")?;
    rustix::process::kill_process(pid, signal).context("could not signal the server")
}

/// A port that nobody uses now, below those that the system gives to outgoing connections: while the
/// server is down nobody else may take it by chance.
///
/// # Errors
/// When none of a thousand is free.
pub fn quiet_port(start: u64) -> Result<u16> {
    quiet_ports(start, 1)?.pop().context("no port is free")
}

/// Several of them.
///
/// # Errors
/// When not so many of a thousand are free.
pub fn quiet_ports(start: u64, count: usize) -> Result<Vec<u16>> {
    let first = 20_000 + u16::try_from(start % 9_000).unwrap_or(0);
    // Each is held until all are found.
    let free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok().map(|held| (port, held));
    let found: Vec<_> = (first..first + 1_000).filter_map(free).take(count).collect();
    anyhow::ensure!(found.len() == count, "{count} ports are not free");
    Ok(found.into_iter().map(|(port, _)| port).collect())
}

/// The binary to run: the one named, else the `maru` beside this program.
///
/// # Errors
/// When it is not there.
pub fn find_maru(named: Option<PathBuf>) -> Result<PathBuf> {
    let beside = || Some(std::env::current_exe().ok()?.parent()?.join("maru"));
    let path = named.or_else(beside).context("where is maru? Name it with --maru")?;
    if !path.is_file() {
        let path = path.display();
        bail!(
            "{path} is not there. Build it (cargo build --release --bin maru) or name it with --maru"
        );
    }
    Ok(path.canonicalize()?)
}

/// Where runs are kept: `named`, else the build folder this program lies in (a real disk, where a
/// temporary folder may be memory).
pub fn runs_folder(named: Option<PathBuf>) -> PathBuf {
    let build = || Some(std::env::current_exe().ok()?.parent()?.parent()?.to_path_buf());
    named.or_else(build).unwrap_or_else(std::env::temp_dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_the_sum_of_its_series() {
        let metrics = Metrics(
            "# HELP x\nx_total{a=\"1\"} 2\nx_total{a=\"2\"} 3.5 123\nx_totally 9\ny 0\n".to_owned(),
        );
        assert_eq!(metrics.get("x_total"), Some(5.5));
        assert_eq!(metrics.get("y"), Some(0.0));
        assert_eq!(metrics.get("z"), None);
    }
}
