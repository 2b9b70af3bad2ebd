//! Reading everything back, once all has settled.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use tokio::time::timeout;

use super::record::{Book, Fact, Seen};
use crate::activity::{ActivitySet, Members};
use crate::direct_line::{self, Stream};
use crate::http::{Connection, DRIVER, request};
use crate::server::Server;

/// How long a stream that shows what is there already may fall silent.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// How long a stream is listened to after all that is known: something too much may still come.
const LINGER: Duration = Duration::from_millis(100);

/// Reads a conversation by pages, from its start to an empty page. Writes it down if there is a book,
/// and gives the place after the last.
pub(super) async fn pages(
    connection: &mut Connection,
    server: SocketAddr,
    secret: &str,
    conversation: &str,
    mut book: Option<&mut Book>,
) -> Result<u64> {
    let (mut watermark, mut next) = (String::new(), 0);
    loop {
        let path =
            format!("/v3/directline/conversations/{conversation}/activities?watermark={watermark}");
        let call = request("GET", server, &path, Some(secret), b"");
        let answer = connection.call(&call).await?;
        if answer.status != 200 {
            bail!("reading {conversation} back was answered {}", answer.status);
        }
        let text = std::str::from_utf8(answer.body)?;
        let set: ActivitySet<'_> = serde_json::from_str(text)?;
        if set.activities.is_empty() {
            return Ok(next);
        }
        for activity in &set.activities {
            let seen = seen(activity.get())?;
            next = seen.place().map_or(next, |place| place + 1);
            if let Some(book) = &mut book {
                book.write(&Fact::Saw(seen), false)?;
            }
        }
        watermark = set.watermark.unwrap_or(watermark);
    }
}

/// Reads a conversation by a new stream, from its start, until it has shown every place below `next`.
pub(super) async fn replay(
    connection: &mut Connection,
    server: SocketAddr,
    secret: &str,
    conversation: &str,
    next: u64,
    book: &mut Book,
) -> Result<()> {
    let started = direct_line::reconnect(connection, server, secret, conversation, "").await?;
    let mut stream = Stream::open(&started.stream_url, server, DRIVER).await?;
    let mut shown = 0;
    loop {
        let patience = if shown >= next { LINGER } else { SILENCE_MAX };
        let frame = match timeout(patience, stream.next()).await {
            Ok(frame) => frame.with_context(|| format!("the stream of {conversation}"))?,
            // What is missing then is for the laws to tell.
            Err(_) => break,
        };
        let set: ActivitySet<'_> = serde_json::from_str(&frame)?;
        for activity in &set.activities {
            let seen = seen(activity.get())?;
            if let Some(place) = seen.place() {
                shown = place + 1;
                book.write(&Fact::Saw(seen), false)?;
            }
        }
    }
    stream.close().await;
    book.flush()
}

fn seen(activity: &str) -> Result<Seen> {
    let seen = Members::of(activity).and_then(|members| Seen::of(&members));
    seen.with_context(|| format!("not an activity: {activity}"))
}

/// A page of `maru dead-letters list --json`.
#[derive(Debug, Deserialize)]
struct Listed {
    dead_letters: Vec<Letter>,
    next: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Letter {
    id: String,
    conversation: String,
    seq: u64,
    cause: Option<String>,
}

/// An entry of `maru conversations show ID --entries --json`.
#[derive(Debug, Deserialize)]
struct Entry {
    seq: u64,
    id: String,
}

/// Writes the dead letters down and gives how many there are.
pub(super) async fn dead_letters(server: &Server, folder: &Path) -> Result<usize> {
    let mut book = Book::create(folder, "dead-letters")?;
    let mut ids: HashMap<String, Vec<Entry>> = HashMap::new();
    let (mut count, mut after) = (0, None);
    loop {
        let mut verb = vec!["dead-letters", "list", "--limit", "500"];
        verb.extend(after.as_deref().into_iter().flat_map(|after| ["--after", after]));
        let page: Listed = server.cli(&verb).await?;
        for letter in page.dead_letters {
            count += 1;
            // A letter names its entry by seq, which clients never see: the operator's log has both.
            let entries = match ids.entry(letter.conversation.clone()) {
                Slot::Occupied(known) => known.into_mut(),
                Slot::Vacant(free) => free.insert(entries(server, &letter.conversation).await?),
            };
            let entry = entries.iter().find(|entry| entry.seq == letter.seq);
            let fact = Fact::Dead {
                delivery: letter.id,
                activity: entry.map(|entry| entry.id.clone()),
                cause: letter.cause.unwrap_or_default(),
            };
            book.write(&fact, false)?;
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    book.flush()?;
    Ok(count)
}

async fn entries(server: &Server, conversation: &str) -> Result<Vec<Entry>> {
    server.cli_lines(&["conversations", "show", conversation, "--entries"]).await
}
