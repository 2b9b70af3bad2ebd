//! A real PostgreSQL server of one's own.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long the server may take to start or stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(10);

/// Where Debian's packages keep a folder for each version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// Names a server that is there already: the URL of its maintenance database, with the right to make
/// databases. `with-postgres` sets it.
pub const POSTGRES_URL: &str = "MARU_TEST_POSTGRES";

/// Whom the server runs as when this process is root, which it refuses to run as.
const UNPRIVILEGED: &str = "postgres";

/// How many databases this process has made.
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// Runs the server, and ends it when whoever holds the other end of the pipe has gone, however that
/// came about; the folder goes with it, unless that one said that it stops on purpose.
const KEEPER: &str = r#"folder=$1; shift
"$@" &
server=$!
word=gone; read -r word
kill -QUIT "$server" 2>/dev/null
wait "$server" 2>/dev/null
[ "$word" = stopped ] || rm -rf -- "$folder""#;

/// A PostgreSQL server on a free port of 127.0.0.1, with its data in a folder of its own, and syncing
/// as it does by default. It is stopped when this is dropped, and its folder is removed.
///
/// Everything in here blocks, so that it can be used where there is no runtime.
#[derive(Debug)]
pub struct Postgres {
    bin: PathBuf,
    folder: TempDir,
    port: u16,
    running: Option<(Child, ChildStdin)>,
}

impl Postgres {
    /// Makes a server and starts it.
    ///
    /// # Panics
    /// When PostgreSQL is not installed, or the server does not come up.
    pub fn start_new() -> Self {
        let bin = newest_bin();
        let folder = TempDir::with_prefix("maru-postgres-").expect("a folder can be made");
        let mut server = Self { bin, folder, port: 0, running: None };
        if is_root() {
            let folder = server.folder.path().to_string_lossy().into_owned();
            run(Command::new("chown").args([UNPRIVILEGED, &folder]));
        }
        let data = server.data();
        run(server.unprivileged("initdb").arg("-D").arg(&data).args([
            "--username=maru",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "--no-instructions",
        ]));
        server.start();
        server
    }

    /// Starts it again on the same data and port.
    ///
    /// # Panics
    /// When it runs already, or does not come up.
    pub fn start(&mut self) {
        assert!(self.running.is_none(), "it runs already");
        // A free port may be taken by somebody else before the server has it.
        for _ in 0..3 {
            if self.port == 0 {
                self.port = free_port();
            }
            if self.try_to_start() {
                return;
            }
            self.port = 0;
        }
        unreachable!("the server did not come up:\n{}", self.log());
    }

    fn try_to_start(&mut self) -> bool {
        let log = fs::File::create(self.folder.path().join("log")).expect("a log can be made");
        let folder = self.folder.path().to_string_lossy().into_owned();
        let server = self.unprivileged("postgres");
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "keeper", &folder]);
        keeper.arg(server.get_program()).args(server.get_args());
        keeper.arg("-D").arg(self.data());
        for setting in [
            format!("port={}", self.port),
            "listen_addresses=127.0.0.1".to_owned(),
            format!("unix_socket_directories={folder}"),
            "max_connections=200".to_owned(),
        ] {
            keeper.args(["-c", &setting]);
        }
        let mut child = keeper
            .stdin(Stdio::piped())
            .stdout(log.try_clone().expect("the log can be shared"))
            .stderr(log)
            .spawn()
            .expect("a shell can be run");
        let pipe = child.stdin.take().expect("it is piped");
        self.running = Some((child, pipe));
        let late = Instant::now() + PATIENCE;
        while Instant::now() < late {
            match self.status() {
                Some((_, true)) => return true,
                _ if self.has_given_up() => break,
                _ => std::thread::sleep(LOOK),
            }
        }
        self.end();
        false
    }

    /// Whether it ended before it took connections. That it refused some until then, of servers that
    /// were looking for it, is none of that.
    fn has_given_up(&self) -> bool {
        let log = self.log();
        let mut fatal = log.lines().filter(|line| line.contains("FATAL:"));
        fatal.any(|line| !line.contains("the database system is"))
    }

    /// Stops it: at once, as if the machine had lost its power (what it has not synced is gone), or
    /// in order, disconnecting everyone. The data stays.
    ///
    /// # Panics
    /// When it does not stop.
    pub fn stop(&mut self, immediate: bool) {
        if self.running.is_some() {
            let mode = if immediate { "immediate" } else { "fast" };
            let data = self.data();
            run(self.unprivileged("pg_ctl").args(["stop", "-w", "-m", mode, "-D"]).arg(data));
            self.end();
        }
    }

    /// Lets the keeper go, and waits for it.
    fn end(&mut self) {
        if let Some((mut child, mut pipe)) = self.running.take() {
            // It may have gone.
            let _ = pipe.write_all(b"stopped\n");
            drop(pipe);
            let _ = child.wait();
        }
    }

    /// The URL of its maintenance database.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// The URL of one of its databases.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://maru@127.0.0.1:{}/{database}", self.port)
    }

    /// Makes a database, and gives its URL.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn database(&self, name: &str) -> String {
        make_database(&self.bin, &self.url(), name);
        self.url_of(name)
    }

    /// Runs statements, and gives what they print: rows as lines, columns apart by `|`.
    ///
    /// # Panics
    /// When one of them fails.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        psql(&self.bin, &self.url_of(database), sql)
    }

    /// The port of 127.0.0.1 that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder of its Unix socket.
    pub fn socket_folder(&self) -> &Path {
        self.folder.path()
    }

    /// The first process of the server, if it runs; the others are its children.
    pub fn pid(&self) -> Option<u32> {
        self.status().map(|(pid, _)| pid)
    }

    /// The server's process, and whether it takes connections.
    fn status(&self) -> Option<(u32, bool)> {
        let told = fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        let mut lines = told.lines();
        let pid = lines.next()?.trim().parse().ok()?;
        Some((pid, lines.nth(6).is_some_and(|state| state.trim() == "ready")))
    }

    /// What it has written to its log since it was started.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// One of its programs, as somebody that it consents to run as.
    fn unprivileged(&self, program: &str) -> Command {
        let program = self.bin.join(program);
        if !is_root() {
            return Command::new(program);
        }
        let mut command = Command::new("setpriv");
        let user = format!("--reuid={UNPRIVILEGED}");
        let group = format!("--regid={UNPRIVILEGED}");
        command.args([&*user, &*group, "--init-groups", "--"]).arg(program);
        command.current_dir("/");
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some((mut child, pipe)) = self.running.take() {
            // The keeper ends it and removes the folder, which then is gone for `TempDir` too.
            drop(pipe);
            let _ = child.wait();
        }
    }
}

/// A database of one's own: on the server that [`POSTGRES_URL`] names, or else on a new one.
#[derive(Debug)]
pub struct PostgresDatabase {
    bin: PathBuf,
    name: String,
    maintenance: String,
    url: String,
    server: Option<Postgres>,
}

impl PostgresDatabase {
    /// Makes one, empty, with a name that begins so.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn fresh(prefix: &str) -> Self {
        let bin = newest_bin();
        let number = DATABASES.fetch_add(1, Ordering::Relaxed);
        let name = format!("{prefix}_{}_{number}", std::process::id());
        let (server, maintenance) = match std::env::var(POSTGRES_URL) {
            Ok(url) => (None, url),
            Err(_) => {
                let server = Postgres::start_new();
                let url = server.url();
                (Some(server), url)
            }
        };
        // A process of the same number may have left one behind.
        psql(&bin, &maintenance, &drop_database(&name));
        make_database(&bin, &maintenance, &name);
        let (base, query) = maintenance.split_once('?').unwrap_or((&maintenance, ""));
        let (server_url, _) = base.rsplit_once('/').expect("the URL names a database");
        let query = if query.is_empty() { String::new() } else { format!("?{query}") };
        let url = format!("{server_url}/{name}{query}");
        Self { bin, name, maintenance, url, server }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Runs statements on it, see [`Postgres::psql`].
    ///
    /// # Panics
    /// When one of them fails.
    pub fn psql(&self, sql: &str) -> String {
        psql(&self.bin, &self.url, sql)
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        if self.server.is_none() {
            // It goes with its server at the latest.
            let drop = drop_database(&self.name);
            let _ = psql_command(&self.bin, &self.maintenance, &drop).output();
        }
    }
}

fn make_database(bin: &Path, maintenance: &str, name: &str) {
    // From the template that nobody can be connected to.
    psql(bin, maintenance, &format!("CREATE DATABASE {name} TEMPLATE template0"));
}

fn drop_database(name: &str) -> String {
    format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")
}

fn psql(bin: &Path, url: &str, sql: &str) -> String {
    run(&mut psql_command(bin, url, sql))
}

fn psql_command(bin: &Path, url: &str, sql: &str) -> Command {
    let mut command = Command::new(bin.join("psql"));
    command.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only"]);
    command.args(["-v", "ON_ERROR_STOP=1", "-c", sql, url]).stdin(Stdio::null());
    command
}

fn run(command: &mut Command) -> String {
    let output = command.output().expect("the program can be run");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?} failed:\n{told}", command.get_program());
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

fn newest_bin() -> PathBuf {
    let versions = fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions
        .map(|entry| entry.path())
        .filter(|path| path.join("bin/postgres").exists())
        .max_by_key(|path| version(path));
    newest.map(|path| path.join("bin")).unwrap_or_else(|| {
        unreachable!("there is no PostgreSQL in {VERSIONS}: run 'apt-get install postgresql'")
    })
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    // A process's folder belongs to whom it runs as.
    fs::metadata("/proc/self").is_ok_and(|folder| folder.uid() == 0)
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port can be had");
    listener.local_addr().expect("it has an address").port()
}
