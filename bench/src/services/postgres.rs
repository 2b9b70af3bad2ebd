//! A PostgreSQL server of the run's own, with its default settings but for where it listens and how
//! many may connect.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;
use tokio::process::{Child, Command};
use tokio::time::sleep;
use tokio_postgres::{Client, NoTls};

use super::{LOOK_AGAIN, START_MAX, end, first_of, output, tail};

/// Where Debian keeps the versions it has installed.
const VERSIONS: &str = "/usr/lib/postgresql";

/// Whose server it is when this program runs as root, which PostgreSQL refuses to be run by: the
/// account that Debian's package makes.
const ACCOUNT: &str = "postgres";

/// The role that everything is done as. Whoever reaches the port on this machine is let in as it.
const ROLE: &str = "maru";

/// How many connections it takes: 256 raw writers, and the pools of a few nodes.
const CONNECTIONS_MAX: usize = 400;

/// A PostgreSQL server. It ends when this is dropped; its data stays with the run's folder.
#[derive(Debug)]
pub struct Postgres {
    binaries: PathBuf,
    data: PathBuf,
    log: PathBuf,
    port: u16,
    /// User and group, if it must not be this program's.
    account: Option<(u32, u32)>,
    child: Option<Child>,
}

impl Postgres {
    /// Makes a fresh database cluster in `folder` and serves it on `port`.
    ///
    /// # Errors
    /// When there is no PostgreSQL, or it does not start.
    pub async fn make(folder: &Path, port: u16) -> Result<Self> {
        let home = folder.join("postgres");
        fs::create_dir_all(&home).context("PostgreSQL's folder")?;
        let account = account()?;
        if let Some((user, group)) = account {
            chown(&home, Some(user), Some(group)).context("PostgreSQL's folder")?;
            // A temporary folder is its owner's alone; the server has to pass through it.
            fs::set_permissions(folder, Permissions::from_mode(0o711))?;
        }
        let (data, log) = (home.join("data"), folder.join("postgres.log"));
        let mut postgres = Self { binaries: binaries()?, data, log, port, account, child: None };
        postgres.init().await?;
        postgres.start().await?;
        Ok(postgres)
    }

    async fn init(&self) -> Result<()> {
        let mut command = self.command("initdb");
        command.args([
            "--encoding",
            "UTF8",
            "--locale",
            "C",
            "--auth",
            "trust",
            "--no-instructions",
        ]);
        command.args(["--username", ROLE]).arg("--pgdata").arg(&self.data);
        let made = command.stdin(Stdio::null()).output().await.context("initdb")?;
        ensure!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr).trim());
        Ok(())
    }

    /// Starts it, after it was stopped, and waits until it answers.
    ///
    /// # Errors
    /// When it ends or stays silent, with the end of its log.
    pub async fn start(&mut self) -> Result<()> {
        let (out, err) = output(&self.log)?;
        let mut command = self.command("postgres");
        command.arg("-D").arg(&self.data).args(["-p", &self.port.to_string()]);
        command.args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]);
        command.arg("-c").arg(format!("max_connections={CONNECTIONS_MAX}"));
        command.stdin(Stdio::null()).stdout(out).stderr(err).kill_on_drop(true);
        let mut child = command.spawn().context("postgres")?;
        let started = Instant::now();
        while self.connect("postgres").await.is_err() {
            if child.try_wait()?.is_some() || started.elapsed() > START_MAX {
                bail!("PostgreSQL did not start:\n{}", tail(&self.log));
            }
            sleep(LOOK_AGAIN).await;
        }
        self.child = Some(child);
        Ok(())
    }

    /// Ends all its processes without a checkpoint, as if they had crashed: the next start recovers
    /// from the write-ahead log.
    pub fn crash(&mut self) {
        if let Some(mut child) = self.child.take() {
            // "Immediate shutdown". Of a postmaster that gets SIGKILL the children live on for a
            // moment, and the next start would trip over them.
            end(&mut child, Signal::QUIT);
        }
    }

    /// Makes a database and gives its URL.
    ///
    /// # Errors
    /// What PostgreSQL says. The name is a plain word of this program's own.
    pub async fn create(&self, database: &str) -> Result<String> {
        let client = self.connect("postgres").await?;
        client.batch_execute(&format!("CREATE DATABASE {database}")).await?;
        Ok(self.url(database))
    }

    /// The URL of a database.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{ROLE}@127.0.0.1:{}/{database}", self.port)
    }

    /// A connection to a database, kept going by a task of its own.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub async fn connect(&self, database: &str) -> Result<Client> {
        let (client, connection) = tokio_postgres::connect(&self.url(database), NoTls).await?;
        // It ends with the client; what broke it the client is told.
        tokio::spawn(async move { drop(connection.await) });
        Ok(client)
    }

    /// Its version and what its acknowledgements mean, as it tells them itself.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub async fn told(&self) -> Result<String> {
        let client = self.connect("postgres").await?;
        let mut told = Vec::new();
        for setting in ["server_version", "fsync", "synchronous_commit"] {
            let row = client.query_one("SELECT current_setting($1)", &[&setting]).await?;
            told.push(row.try_get::<_, String>(0)?);
        }
        let [version, fsync, commit] = told.try_into().unwrap_or_default();
        Ok(format!("PostgreSQL {version}, fsync={fsync}, synchronous_commit={commit}"))
    }

    /// The process id of its first process, whose children all others are.
    ///
    /// # Errors
    /// When it was stopped.
    pub fn pid(&self) -> Result<u32> {
        self.child.as_ref().and_then(Child::id).context("PostgreSQL has ended")
    }

    fn command(&self, binary: &str) -> Command {
        let mut command = Command::new(self.binaries.join(binary));
        if let Some((user, group)) = self.account {
            command.uid(user).gid(group);
        }
        // Wherever this program was started may be no place for the account.
        command.current_dir(self.data.parent().unwrap_or(&self.data));
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.crash();
    }
}

/// The folder of the newest version's binaries.
fn binaries() -> Result<PathBuf> {
    let versions = fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let mut versions: Vec<u32> =
        versions.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    let of = |version: u32| Path::new(VERSIONS).join(version.to_string()).join("bin");
    let found = first_of(versions.into_iter().map(|version| of(version).join("postgres")));
    let found = found.and_then(|path| path.parent().map(Path::to_path_buf));
    found.context("PostgreSQL is not there. On Debian: apt-get install postgresql")
}

/// User and group of [`ACCOUNT`] if this program runs as root, which PostgreSQL refuses.
fn account() -> Result<Option<(u32, u32)>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    // `name:password:user:group:…` (passwd(5)).
    let accounts = fs::read_to_string("/etc/passwd")?;
    let fields = accounts.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let ids = fields.into_iter().find_map(|fields| match fields.as_slice() {
        [name, _, user, group, ..] if *name == ACCOUNT => {
            Some((user.parse().ok()?, group.parse().ok()?))
        }
        _ => None,
    });
    let missing = || format!("PostgreSQL cannot be run by root, and there is no account {ACCOUNT}");
    ids.map(Some).with_context(missing)
}
