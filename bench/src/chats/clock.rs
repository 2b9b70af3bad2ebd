//! The server's clock jumps while people talk.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::ClientRequestBuilder;

use super::cast::{Cast, GATHER_MAX, numbered, open, source, straight};
use super::laws::judge;
use crate::direct_line::Stream;
use crate::ledger::Verdict;
use crate::server::{Server, Setup};
use crate::web_chat::{Frame, REALM};

/// The group that everybody calls, and one in which nobody answers.
const GROUPS: [&str; 2] = ["3900", "3901"];

/// A number that is none.
const NOBODY: &str = "3999";

/// How the clock is set, in seconds beside the machine's: an hour on, back again, back by a second, and
/// back by an hour more.
const JUMPS: [i64; 4] = [3_600, 0, -1, -3_601];

/// How long the server may take to tell its time.
const TELL_MAX: Duration = Duration::from_secs(10);

/// Minutes of a day.
const DAY: i64 = 24 * 60;

/// How a run is made.
#[derive(Clone, Debug)]
pub struct ClockOptions {
    /// The server's binary.
    pub maru: PathBuf,
    /// The run's folder.
    pub folder: PathBuf,
    /// How many chats there are; half as many agents talk in them.
    pub chats: usize,
    /// How long people talk between two jumps.
    pub span: Duration,
    /// What decides texts.
    pub seed: u64,
}

/// Lets people talk, and some wait, while the server's clock is put forward and back; judges what
/// everybody saw. Nobody's call may end or change hands for that alone.
///
/// # Errors
/// When there is no libfaketime, or the run could not be finished.
pub async fn run(options: ClockOptions, tell: &mut dyn FnMut(&str)) -> Result<Vec<Verdict>> {
    let ClockOptions { maru, folder, chats, span, seed } = options;
    fs::create_dir_all(&folder)?;
    let clock = folder.join("clock");
    put(&clock, 0)?;
    let library = find_library().context("libfaketime is missing (Debian: faketime)")?;
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let setup = Setup {
        maru,
        folder: folder.join("server"),
        port: 0,
        core: None,
        wrapper: Vec::new(),
        settings: vec![
            ("LD_PRELOAD", text(&library)),
            ("FAKETIME_TIMESTAMP_FILE", text(&clock)),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            // What a jump of the wall clock leaves alone on a real machine.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ],
    };
    let agents = chats.div_ceil(2) + 1;
    // The last one never comes in: who calls them waits.
    let members: Vec<usize> = (0..agents).collect();
    let groups = [(GROUPS[0], &members[..agents - 1]), (GROUPS[1], &members[agents - 1..])];
    let (server, seats) = open(setup, agents, &groups, tell).await?;
    let mut cast = Cast::new(seed);
    for (dn, seat) in numbered(seats).take(agents - 1) {
        cast.answer(seat, &dn);
    }
    cast.gathered().await?;
    for number in 0..chats {
        cast.call(straight(server.address, number), GROUPS[0]);
    }
    cast.play.all_in_call(chats, GATHER_MAX).await?;
    cast.call(straight(server.address, chats), GROUPS[1]);
    cast.gathered().await?;
    let mut before = 0;
    for offset in JUMPS {
        sleep(span).await;
        let was = time_of(&server).await?;
        put(&clock, offset)?;
        let moved = (time_of(&server).await? - was).rem_euclid(DAY);
        // To the minute, and one may have begun meanwhile.
        let expected = ((offset - before) / 60).rem_euclid(DAY);
        let off = (moved - expected).rem_euclid(DAY);
        ensure!(off <= 1 || off == DAY - 1, "the clock moved by {moved} minutes of {expected}");
        tell(&format!("the server's clock is put by {} s", offset - before));
        before = offset;
        cast.gathered().await?;
    }
    sleep(span).await;
    let (tally, play) = (cast.tally(), Arc::clone(&cast.play));
    cast.end().await?;
    server.stop().await?;
    tell(&tally);
    let books = play.books.all();
    Ok(judge(&books, |_| true))
}

/// Sets the clock that the server is shown.
fn put(clock: &Path, offset: i64) -> Result<()> {
    // Whole at once: the server looks at any time.
    let next = clock.with_extension("next");
    fs::write(&next, format!("{offset:+}\n"))?;
    fs::rename(&next, clock).context("the clock")
}

/// Where Debian keeps the library that shows a process another time.
fn find_library() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").ok()?;
    let found = folders.filter_map(|folder| {
        let library = folder.ok()?.path().join("faketime/libfaketimeMT.so.1");
        library.is_file().then_some(library)
    });
    found.min()
}

/// The server's time, in minutes of its day, as it tells a customer whose number is none.
async fn time_of(server: &Server) -> Result<i64> {
    let at = server.address;
    let asking = async {
        let request = ClientRequestBuilder::new(format!("ws://{at}/nxchat/ws").parse()?)
            .with_sub_protocol("nxchat.v1");
        let mut stream = Stream::open_as(request, at, source(0)).await?;
        let d = json!({ "realm": REALM, "dn": NOBODY, "tel": "clock" });
        stream.send(json!({ "t": "invite", "d": d }).to_string()).await?;
        let text = stream.next().await?;
        let welcome = Frame::read(&text)?;
        let now = welcome.d["now"].as_str().and_then(minutes_of_day);
        now.with_context(|| format!("no time in {} {}", welcome.t, welcome.d))
    };
    timeout(TELL_MAX, asking).await.context("the server does not tell its time")?
}

/// The minutes since midnight of a time in RFC 3339.
fn minutes_of_day(time: &str) -> Option<i64> {
    let (_, clock) = time.split_once('T')?;
    let mut parts = clock.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    Some(parts.next()?? * 60 + parts.next()??)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_tells_its_minutes() {
        assert_eq!(minutes_of_day("2026-11-21T01:59:59.123Z"), Some(119));
        assert_eq!(minutes_of_day("soon"), None);
    }
}
