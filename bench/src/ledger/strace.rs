//! The black-box proof of an acknowledgement: between reading a request and writing its answer the
//! kernel was asked to sync, and said that it had.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::words::Words;
use crate::direct_line;
use crate::http::Connection;
use crate::server::{Server, Setup};

/// What a trace showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traced {
    /// Requests read and answered on the connection.
    pub answers: usize,
    /// Answers before which nothing was synced.
    pub unsynced: usize,
    /// The least number of syncs before an answer.
    pub syncs_min: usize,
    /// Syncs in all between requests and answers.
    pub syncs: usize,
}

/// Posts `posts` times over one connection to a server that runs under strace, and reads the trace.
///
/// # Errors
/// When there is no strace, or the run could not be made.
pub async fn trace(maru: PathBuf, folder: PathBuf, posts: usize) -> Result<Traced> {
    ensure!(
        Command::new("strace").arg("--version").output().is_ok(),
        "strace is not there. On Debian: apt-get install strace"
    );
    std::fs::create_dir_all(&folder)?;
    let output = folder.join("trace.txt");
    let calls = "trace=fdatasync,fsync,sendto,write,writev,recvfrom,read";
    let wrapper = ["strace", "-f", "-tt", "-yy", "-s", "16", "-e", calls, "-o"];
    let mut wrapper: Vec<String> = wrapper.map(str::to_owned).to_vec();
    wrapper.push(output.display().to_string());
    let server_folder = folder.join("server");
    let setup = Setup {
        maru,
        folder: server_folder.clone(),
        port: 0,
        core: None,
        wrapper,
        settings: Vec::new(),
    };
    let server = Server::start(setup).await?;
    let posted = post(&server, posts).await;
    server.stop().await?;
    let client = posted?;
    let text = std::fs::read(&output).context("strace wrote nothing")?;
    let data = server_folder.join("data").canonicalize()?;
    let traced = read_trace(&String::from_utf8_lossy(&text), client, &data);
    // The first calls on the connection start the conversation.
    if traced.answers < posts {
        bail!("the trace shows {} answers of {posts}: {}", traced.answers, output.display());
    }
    Ok(traced)
}

/// Posts one after the other, and gives the end of the connection that did.
async fn post(server: &Server, posts: usize) -> Result<SocketAddr> {
    let secret = server.ready.secret.as_deref().context("a fresh realm has a secret")?;
    let mut connection = Connection::open(server.address).await?;
    let started = direct_line::start(&mut connection, server.address, secret, None).await?;
    // A connection of its own, which carries nothing but posts.
    let mut connection = Connection::open(server.address).await?;
    let mut words = Words::of(1, 1);
    for _ in 0..posts {
        let saying = words.say();
        let (conversation, token) = (&started.conversation, &started.token);
        let request =
            direct_line::post(server.address, conversation, token, saying.json.as_bytes());
        let answer = connection.call(&request).await?;
        ensure!(answer.status == 200, "a post was answered {}", answer.status);
    }
    Ok(connection.local()?)
}

/// A system call of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    /// From the client's connection.
    Read,
    /// To the client's connection.
    Write,
    /// Of a file of the server's data.
    Sync,
}

/// A call under way in one thread.
#[derive(Clone, Copy, Debug)]
struct Begun {
    call: Call,
    line: usize,
}

/// Reads what strace wrote. strace orders the lines by when it saw them: a call counts as synced
/// before an answer if it began after the request was read and returned before the answer's write
/// began.
fn read_trace(text: &str, client: SocketAddr, data: &Path) -> Traced {
    let (client, data) = (format!("->{client}]>"), format!("<{}/", data.display()));
    let mut begun: HashMap<&str, Begun> = HashMap::new();
    let mut traced = Traced { syncs_min: usize::MAX, ..Traced::default() };
    // The line at which the request under way was read, and the syncs since.
    let mut request: Option<(usize, usize)> = None;
    for (line, text) in text.lines().enumerate() {
        let Some((thread, rest)) = text.trim_start().split_once(' ') else { continue };
        let rest = rest.trim_start();
        let rest = rest.split_once(' ').map_or(rest, |(_, call)| call);
        let is_resumed = rest.starts_with("<... ");
        let call = if is_resumed { None } else { call_of(rest, &client, &data) };
        if let Some(call) = call {
            begun.insert(thread, Begun { call, line });
            if call == Call::Write
                && let Some((_, syncs)) = request.take()
            {
                traced.answers += 1;
                traced.unsynced += usize::from(syncs == 0);
                traced.syncs += syncs;
                traced.syncs_min = traced.syncs_min.min(syncs);
            }
        }
        if rest.ends_with("<unfinished ...>") || (call.is_none() && !is_resumed) {
            continue;
        }
        let Some(ended) = begun.remove(thread) else { continue };
        let result = rest.rsplit_once(" = ").map(|(_, result)| result.trim());
        match (ended.call, result) {
            (Call::Read, Some(bytes)) if bytes.parse::<u64>().is_ok_and(|bytes| bytes > 0) => {
                request = Some((line, 0));
            }
            (Call::Sync, Some("0")) => {
                if let Some((read, syncs)) = &mut request {
                    *syncs += usize::from(ended.line > *read);
                }
            }
            _ => {}
        }
    }
    if traced.answers == 0 {
        traced.syncs_min = 0;
    }
    traced
}

fn call_of(text: &str, client: &str, data: &str) -> Option<Call> {
    let (name, arguments) = text.split_once('(')?;
    // The first argument is the descriptor, which -yy explains: `12<TCP:[server->client]>`.
    let descriptor =
        arguments.split_once(['"', '[', ',', ')']).map_or(arguments, |(first, _)| first);
    let on_client = arguments.get(..arguments.find("]>").map_or(0, |end| end + 2));
    let on_client = on_client.is_some_and(|descriptor| descriptor.ends_with(client));
    match name {
        "fdatasync" | "fsync" => descriptor.contains(data).then_some(Call::Sync),
        "recvfrom" | "read" => on_client.then_some(Call::Read),
        "sendto" | "write" | "writev" => on_client.then_some(Call::Write),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: &str = r#"10 09:00:00.000001 recvfrom(12<TCP:[127.0.0.1:80->127.0.0.2:5000]>, "POST /v3"..., 4096, 0, NULL, NULL) = 512"#;
    const WRITE: &str = r#"10 09:00:00.000009 writev(12<TCP:[127.0.0.1:80->127.0.0.2:5000]>, [{iov_base="HTTP"..., iov_len=90}], 1) = 90"#;
    const SYNC: &str = "11 09:00:00.000005 fdatasync(7</d/data/maru.db-wal>) = 0";

    fn traced(lines: &[&str]) -> Traced {
        let client = "127.0.0.2:5000".parse().unwrap();
        read_trace(&lines.join("\n"), client, Path::new("/d/data"))
    }

    #[test]
    fn a_sync_counts_between_the_request_and_its_answer() {
        let good = Traced { answers: 2, unsynced: 0, syncs_min: 1, syncs: 3 };
        assert_eq!(traced(&[READ, SYNC, WRITE, READ, SYNC, SYNC, WRITE]), good);
        let split = [
            READ,
            "11 09:00:00.000005 fdatasync(7</d/data/maru.db-wal> <unfinished ...>",
            "12 09:00:00.000006 read(9<pipe:[1]>, 0x1, 8) = 8",
            "11 09:00:00.000007 <... fdatasync resumed>) = 0",
            WRITE,
        ];
        assert_eq!(traced(&split).syncs_min, 1);
    }

    #[test]
    fn a_sync_elsewhere_too_early_too_late_or_failed_does_not_count() {
        let others = [
            "11 09:00:00.000005 fdatasync(7</elsewhere/maru.db-wal>) = 0",
            "11 09:00:00.000005 fdatasync(7</d/data/maru.db-wal>) = -1 EIO (Input/output error)",
            "11 09:00:00.000005 write(7</d/data/maru.db-wal>, \"x\", 1) = 1",
        ];
        for other in others {
            assert_eq!(traced(&[READ, other, WRITE]).unsynced, 1, "{other}");
        }
        assert_eq!(traced(&[SYNC, READ, WRITE]).unsynced, 1);
        assert_eq!(traced(&[READ, WRITE, SYNC]).unsynced, 1);
        let early = [
            "11 09:00:00.000005 fdatasync(7</d/data/maru.db-wal> <unfinished ...>",
            READ,
            "11 09:00:00.000007 <... fdatasync resumed>) = 0",
            WRITE,
        ];
        assert_eq!(traced(&early).unsynced, 1);
        let late = [
            READ,
            "11 09:00:00.000005 fdatasync(7</d/data/maru.db-wal> <unfinished ...>",
            WRITE,
            "11 09:00:00.000007 <... fdatasync resumed>) = 0",
        ];
        assert_eq!(traced(&late).unsynced, 1);
    }
}
