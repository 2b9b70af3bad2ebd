//! The agents' side as their page speaks it: signing in, and `nxdesk.v1` (crates/desk/WIRE.md).

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::ClientRequestBuilder;

use crate::direct_line::{Failure, Stream};
use crate::http::connect;
use crate::server::Server;

/// Everybody's password here.
const PASSWORD: &str = "a-password-of-the-bench";

/// The number of the first agent; the next ones follow it.
const FIRST: usize = 5_000;

/// How many sign in at once: a server checks two passwords at a time and lets some more wait.
const AT_ONCE: usize = 8;

/// How long a sign-in may take: each password is work, and all are at it.
const SIGN_IN_MAX: Duration = Duration::from_secs(60);

/// A frame of the server's.
#[derive(Debug, Deserialize)]
pub struct Frame {
    /// Its type.
    pub t: String,
    /// The request that it answers.
    pub r: Option<String>,
    /// The chat that it is about.
    pub c: Option<String>,
    /// Its body.
    #[serde(default)]
    pub d: Value,
}

impl Frame {
    /// Reads a frame.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(text: &str) -> Result<Self> {
        serde_json::from_str(text).context("no frame")
    }
}

/// The number of an agent.
pub fn number_of(agent: usize) -> String {
    (FIRST + agent).to_string()
}

/// Makes so many agents, each with a number, a person who may sign in, and room for so many calls at once;
/// and groups of them.
///
/// # Errors
/// As [`Server::cli`].
pub async fn add_agents(
    server: &Server,
    (count, calls): (usize, usize),
    groups: &[(&str, &[usize])],
) -> Result<()> {
    let mut file = String::new();
    for agent in 0..count {
        let dn = number_of(agent);
        writeln!(file, "[[dn]]\ndn = \"{dn}\"\nkind = \"agent\"\nname = \"Agent {agent}\"")?;
        writeln!(file, "max = {calls}")?;
        writeln!(file, "[[person]]\nlogin = \"{dn}\"\ndn = \"{dn}\"\npassword = \"{PASSWORD}\"")?;
    }
    for (group, members) in groups {
        let members: Vec<String> =
            members.iter().map(|agent| format!("{{ dn = \"{}\" }}", number_of(*agent))).collect();
        let members = members.join(", ");
        writeln!(file, "[[dn]]\ndn = \"{group}\"\nkind = \"group\"\nname = \"{group}\"")?;
        writeln!(file, "members = [{members}]\naccept_when_empty = true\nqueue_max = 10000")?;
    }
    let path = server.folder().join("agents.toml");
    std::fs::write(&path, file).context("the file of the agents")?;
    let path = path.to_str().context("the folder's name is no text")?;
    let _applied: Value = server.cli(&["apply", "-f", path]).await.context("the agents")?;
    Ok(())
}

/// Where an agent's page comes from.
#[derive(Clone, Debug)]
pub struct Seat {
    /// The server, as pages name it.
    pub server: SocketAddr,
    /// Where its connections go: to the server, or to what stands between.
    pub through: SocketAddr,
    /// From which address of the loopback network.
    pub from: Ipv4Addr,
    /// The session's cookie.
    pub cookie: String,
}

impl Seat {
    /// Signs an agent in.
    ///
    /// # Errors
    /// When they are not let in.
    pub async fn sign_in(server: SocketAddr, from: Ipv4Addr, agent: usize) -> Result<Self> {
        let body = json!({ "name": number_of(agent), "password": PASSWORD }).to_string();
        let request = format!(
            "POST /agent/api/session HTTP/1.1\r\nhost: {server}\r\norigin: http://{server}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        let mut stream = connect(server, from).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        timeout(SIGN_IN_MAX, stream.read_to_string(&mut answer)).await??;
        let mut lines = answer.lines();
        let status = lines.next().unwrap_or_default();
        ensure!(status.starts_with("HTTP/1.1 200 "), "not signed in but {status}");
        let cookie = lines.find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            let cookie = value.split(';').next()?;
            name.eq_ignore_ascii_case("set-cookie").then(|| cookie.to_owned())
        });
        Ok(Self { server, through: server, from, cookie: cookie.context("no cookie")? })
    }

    /// Opens a socket. The client says `hello` next.
    ///
    /// # Errors
    /// What came of it instead.
    pub async fn open(&self) -> Result<Stream, Failure> {
        let uri = format!("ws://{}/agent/ws", self.server);
        let uri = uri.parse().map_err(|_| Failure::Nonsense("no address".to_owned()))?;
        let request = ClientRequestBuilder::new(uri)
            .with_sub_protocol("nxdesk.v1")
            .with_header("cookie", &self.cookie)
            .with_header("origin", format!("http://{}", self.server));
        Stream::open_as(request, self.through, self.from).await
    }
}

/// Signs many agents in, some at once: each from an address that `from` gives.
///
/// # Errors
/// When somebody is not let in.
pub async fn sign_all_in(
    server: SocketAddr,
    count: usize,
    from: impl Fn(usize) -> Ipv4Addr,
) -> Result<Vec<Seat>> {
    let mut seats: Vec<Option<Seat>> = (0..count).map(|_| None).collect();
    let (mut signing_in, mut next) = (JoinSet::new(), 0);
    loop {
        while next < count && signing_in.len() < AT_ONCE {
            let (agent, from) = (next, from(next));
            next += 1;
            signing_in.spawn(async move { (agent, Seat::sign_in(server, from, agent).await) });
        }
        let Some(done) = signing_in.join_next().await else { break };
        let (agent, seat) = done?;
        let seat = seat.with_context(|| format!("agent {agent} could not sign in"))?;
        match seats.get_mut(agent) {
            Some(place) => *place = Some(seat),
            None => bail!("there is no agent {agent}"),
        }
    }
    Ok(seats.into_iter().flatten().collect())
}

/// The frame of an agent's message. Its id is the request's, too.
pub fn message(call: &str, mid: &str, text: &str) -> String {
    let content = json!({ "type": "text", "message": text });
    request("msg", mid, Some(call), &json!({ "mid": mid, "content": content }))
}

/// The frame of a request.
pub fn request(t: &str, i: &str, call: Option<&str>, d: &Value) -> String {
    match call {
        Some(call) => json!({ "t": t, "i": i, "c": call, "d": d }),
        None => json!({ "t": t, "i": i, "d": d }),
    }
    .to_string()
}
