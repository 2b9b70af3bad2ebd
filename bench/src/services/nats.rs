//! A NATS server of the run's own.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use super::{LOOK_AGAIN, START_MAX, end, first_of, output, tail};

/// Where Debian's package and others put the server.
const BINARIES: [&str; 3] =
    ["/usr/sbin/nats-server", "/usr/bin/nats-server", "/usr/local/bin/nats-server"];

/// A NATS server. It ends when this is dropped.
#[derive(Debug)]
pub struct Nats {
    binary: PathBuf,
    log: PathBuf,
    address: SocketAddr,
    child: Option<Child>,
}

impl Nats {
    /// Starts a server on `port` that writes its log into `folder`.
    ///
    /// # Errors
    /// When there is no such server, or it does not start.
    pub async fn make(folder: &Path, port: u16) -> Result<Self> {
        let binary = first_of(BINARIES.map(PathBuf::from));
        let binary =
            binary.context("nats-server is not there. On Debian: apt-get install nats-server")?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut nats = Self { binary, log: folder.join("nats.log"), address, child: None };
        nats.start().await?;
        Ok(nats)
    }

    /// Starts it, after it was stopped, and waits until it answers.
    ///
    /// # Errors
    /// When it ends or stays silent, with the end of its log.
    pub async fn start(&mut self) -> Result<()> {
        let (out, err) = output(&self.log)?;
        let mut command = Command::new(&self.binary);
        command.args(["--addr", "127.0.0.1", "--port", &self.address.port().to_string()]);
        command.stdin(Stdio::null()).stdout(out).stderr(err).kill_on_drop(true);
        let mut child = command.spawn().context("nats-server")?;
        let started = Instant::now();
        while TcpStream::connect(self.address).await.is_err() {
            if child.try_wait()?.is_some() || started.elapsed() > START_MAX {
                bail!("nats-server did not start:\n{}", tail(&self.log));
            }
            sleep(LOOK_AGAIN).await;
        }
        self.child = Some(child);
        Ok(())
    }

    /// Stops it at once: whoever is connected finds the connection broken.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            end(&mut child, Signal::KILL);
        }
    }

    /// Where nodes find it.
    pub fn url(&self) -> String {
        format!("nats://{}", self.address)
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.stop();
    }
}
