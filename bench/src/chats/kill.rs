//! The server is killed in the middle of its chats, again and again.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use tokio::time::sleep;

use super::cast::{CALLS, Cast, GATHER_MAX, numbered, open, straight};
use super::laws::judge;
use crate::ledger::Verdict;
use crate::random::Random;
use crate::server::{Server, Setup, quiet_port};

/// The group that everybody calls.
const GROUP: &str = "3900";

/// One kill in so many comes before everybody is back from the one before.
const HASTE: u32 = 3;

/// How a run is made.
#[derive(Clone, Debug)]
pub struct KillOptions {
    /// The server's binary.
    pub maru: PathBuf,
    /// The run's folder.
    pub folder: PathBuf,
    /// How often the server is killed.
    pub kills: u32,
    /// How many chats there are.
    pub chats: usize,
    /// How many agents talk in them.
    pub agents: usize,
    /// The shortest life of a server, and the longest.
    pub lives: (Duration, Duration),
    /// What decides lives and texts.
    pub seed: u64,
}

/// Lets customers and agents talk, kills the server and starts it again, and judges what everybody saw.
///
/// # Errors
/// When the run could not be made or not be finished: then there is no verdict.
pub async fn run(options: KillOptions, tell: &mut dyn FnMut(&str)) -> Result<Vec<Verdict>> {
    let KillOptions { maru, folder, kills, chats, agents, lives, seed } = options;
    ensure!(chats > 0 && chats <= agents * CALLS, "an agent has {CALLS} chats at once");
    let setup = Setup {
        maru,
        folder: folder.join("server"),
        port: quiet_port(Random::of(seed, 3_000_000).draw())?,
        core: None,
        wrapper: Vec::new(),
        settings: Vec::new(),
    };
    let members: Vec<usize> = (0..agents).collect();
    let (mut server, seats) = open(setup, agents, &[(GROUP, &members)], tell).await?;
    let mut cast = Cast::new(seed);
    for (dn, seat) in numbered(seats) {
        cast.answer(seat, &dn);
    }
    cast.gathered().await?;
    for number in 0..chats {
        cast.call(straight(server.address, number), GROUP);
    }
    cast.play.all_in_call(chats, GATHER_MAX).await?;
    tell(&format!("{chats} customers talk with {agents} agents"));
    let mut random = Random::of(seed, 5_000_000);
    let (mut longest, mut started) = (Duration::ZERO, Duration::ZERO);
    for kill in 1..=kills {
        let (min, max) = lives;
        let micros = |span: Duration| u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        sleep(Duration::from_micros(random.between(micros(min), micros(max)))).await;
        kill_and_start(&mut server).await?;
        started = started.max(server.started_in);
        if kill % HASTE != 0 || kill == kills {
            longest = longest.max(cast.gathered().await?);
        }
    }
    sleep(lives.0).await;
    let (tally, play) = (cast.tally(), std::sync::Arc::clone(&cast.play));
    cast.end().await?;
    server.stop().await?;
    tell(&format!("{kills} kills: {tally}"));
    tell(&format!(
        "serving again within {started:.1?}, everybody back {longest:.1?} after that at the latest"
    ));
    let books = play.books.all();
    Ok(judge(&books, |_| true))
}

async fn kill_and_start(server: &mut Server) -> Result<()> {
    if let Some(status) = server.ended()? {
        bail!("the server ended by itself ({status}):\n{}", server.tail());
    }
    server.kill().await?;
    server.restart().await
}
