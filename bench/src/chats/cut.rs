//! The network of one side fails in one direction, for less than a link's silence may last and for more.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::{Instant, sleep, sleep_until};

use super::book::{Book, CUSTOMER};
use super::cast::{Cast, GATHER_MAX, Left, open, source, straight};
use super::laws::judge;
use super::play::Way;
use super::relay::{Direction, Relay};
use crate::desk::{Seat, number_of};
use crate::ledger::Verdict;
use crate::server::Setup;

/// How long people talk before and after.
const TALK: Duration = Duration::from_secs(4);

/// How long it may take until a call whose agent was away too long is somebody else's.
const HANDED_ON_MAX: Duration = Duration::from_secs(60);

/// How a run is made.
#[derive(Clone, Debug)]
pub struct CutOptions {
    /// The server's binary.
    pub maru: PathBuf,
    /// The run's folder.
    pub folder: PathBuf,
    /// How long a direction is cut: one case of each side and direction for each.
    pub lengths: Vec<Duration>,
    /// What decides texts.
    pub seed: u64,
}

/// Whose network fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Customer,
    Agent,
}

/// One chat, and what is done to it.
#[derive(Debug)]
struct Case {
    side: Side,
    direction: Direction,
    length: Duration,
    relay: Relay,
    group: String,
    /// The agents: who answers, and who could.
    agents: [usize; 2],
}

impl Case {
    /// Whether the agent is away for so long that the call may be given to another: the server hears nothing for
    /// 60 s, and waits 30 s for the agent.
    fn may_change_hands(&self) -> bool {
        self.side == Side::Agent && self.length >= Duration::from_secs(60)
    }
}

/// Cuts each direction of each side's network, all at once in chats of their own, while both sides talk.
/// Judges what everybody saw, and tells it.
///
/// # Errors
/// When the run could not be made or not be finished: then there is no verdict.
pub async fn run(options: CutOptions, tell: &mut dyn FnMut(&str)) -> Result<Vec<Verdict>> {
    let CutOptions { maru, folder, lengths, seed } = options;
    let setup = Setup {
        maru,
        folder: folder.join("server"),
        port: 0,
        core: None,
        wrapper: Vec::new(),
        settings: Vec::new(),
    };
    let plan: Vec<(Duration, Side, Direction)> = cases(&lengths).collect();
    let names: Vec<(String, [usize; 2])> =
        (0..plan.len()).map(|n| ((3_900 + n).to_string(), [2 * n, 2 * n + 1])).collect();
    let groups: Vec<(&str, &[usize])> =
        names.iter().map(|(group, members)| (group.as_str(), &members[..])).collect();
    let (server, seats) = open(setup, 2 * plan.len(), &groups, tell).await?;
    let mut cases = Vec::with_capacity(plan.len());
    for ((length, side, direction), (group, agents)) in plan.into_iter().zip(names) {
        let relay = Relay::before(server.address).await?;
        cases.push(Case { side, direction, length, relay, group, agents });
    }
    let mut cast = Cast::new(seed);
    let seat = |case: &Case, which: usize| -> Result<(String, Seat)> {
        let agent = case.agents[which];
        let seat = seats.get(agent).context("no seat")?.clone();
        let by_relay = case.side == Side::Agent && which == 0;
        let through = if by_relay { case.relay.address } else { seat.server };
        Ok((number_of(agent), Seat { through, ..seat }))
    };
    for case in &cases {
        let (dn, seat) = seat(case, 0)?;
        cast.answer(seat, &dn);
    }
    cast.gathered().await?;
    for (number, case) in cases.iter().enumerate() {
        let way = match case.side {
            Side::Customer => {
                Way { server: server.address, through: case.relay.address, from: source(number) }
            }
            Side::Agent => straight(server.address, number),
        };
        cast.call(way, &case.group);
    }
    cast.play.all_in_call(cases.len(), GATHER_MAX).await?;
    for case in cases.iter().filter(|case| case.side == Side::Agent) {
        let (dn, seat) = seat(case, 1)?;
        cast.answer(seat, &dn);
    }
    cast.gathered().await?;
    sleep(TALK).await;
    tell(&format!("{} chats, each with one direction of one side's network cut", cases.len()));
    cut_all(&cases).await;
    cast.gathered().await.context("after the cuts")?;
    let play = Arc::clone(&cast.play);
    sleep(TALK.max(settled_after(&cases))).await;
    let tally = cast.tally();
    let left = cast.end().await?;
    server.stop().await?;
    tell(&tally);
    let books = play.books.all();
    let seen = Seen::of(&cases, &left, &books);
    for line in &seen {
        tell(&line.to_string());
    }
    let restless: Vec<&str> = seen
        .iter()
        .filter(|seen| seen.case.may_change_hands())
        .map(|seen| seen.chat.as_str())
        .collect();
    let mut verdicts = judge(&books, |chat| !restless.contains(&chat));
    verdicts.push(c7_somebody_has_it(&seen));
    Ok(verdicts)
}

fn cases(lengths: &[Duration]) -> impl Iterator<Item = (Duration, Side, Direction)> {
    let both = [Direction::ToServer, Direction::ToClient];
    lengths.iter().flat_map(move |length| {
        [Side::Customer, Side::Agent]
            .into_iter()
            .flat_map(move |side| both.into_iter().map(move |direction| (*length, side, direction)))
    })
}

/// How long to wait until calls that change hands have done so.
fn settled_after(cases: &[Case]) -> Duration {
    let any = cases.iter().any(Case::may_change_hands);
    if any { HANDED_ON_MAX } else { Duration::ZERO }
}

/// Cuts all at once, and mends each at its time.
async fn cut_all(cases: &[Case]) {
    let began = Instant::now();
    for case in cases {
        case.relay.cut(Some(case.direction));
    }
    let mut by_length: Vec<&Case> = cases.iter().collect();
    by_length.sort_by_key(|case| case.length);
    for case in by_length {
        sleep_until(began + case.length).await;
        case.relay.cut(None);
    }
}

/// What was seen of a case.
struct Seen<'a> {
    case: &'a Case,
    chat: String,
    /// Why the links of the side that was cut broke.
    broken: Vec<String>,
    book: Book,
}

impl<'a> Seen<'a> {
    fn of(cases: &'a [Case], left: &[Left], books: &HashMap<String, Book>) -> Vec<Self> {
        let one = |(number, case): (usize, &'a Case)| {
            let customer = left.iter().find_map(|left| match left {
                Left::Customer(customer) if customer.number == number => Some(customer),
                _ => None,
            })?;
            let dn = number_of(case.agents[0]);
            let agent = left.iter().find_map(|left| match left {
                Left::Agent(agent) if agent.dn == dn => Some(agent),
                _ => None,
            })?;
            let broken = match case.side {
                Side::Customer => &customer.broken,
                Side::Agent => &agent.broken,
            };
            let book = books.get(&customer.chat).cloned().unwrap_or_default();
            Some(Self { case, chat: customer.chat.clone(), broken: broken.clone(), book })
        };
        cases.iter().enumerate().filter_map(one).collect()
    }

    /// Who has the call in the end.
    fn owners(&self) -> Vec<&str> {
        self.book.kept.keys().map(String::as_str).filter(|viewer| *viewer != CUSTOMER).collect()
    }
}

impl fmt::Display for Seen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, broken, book, .. } = self;
        let side = match case.side {
            Side::Customer => "customer",
            Side::Agent => "agent",
        };
        let (secs, way) = (case.length.as_secs(), case.direction.name());
        let link = match broken.as_slice() {
            [] => "the link survived".to_owned(),
            [first, rest @ ..] => format!("{first}, back after {} vain attempts", rest.len()),
        };
        let told = if book.customer_lost { "; the agent was told" } else { "" };
        let call = match book.turns.as_slice() {
            [] => "the call stood".to_owned(),
            turns => turns.join(", "),
        };
        write!(f, "  {side:<8} {way:<13} {secs:>3} s: {link}{told}; {call}")
    }
}

fn c7_somebody_has_it(seen: &[Seen<'_>]) -> Verdict {
    let mut verdict = Verdict::of("C7", "each call has one agent in the end");
    for seen in seen {
        let owners = seen.owners();
        let wrong = format!("{} is with {owners:?}", seen.chat);
        verdict.case((owners.len() != 1).then_some(wrong));
    }
    verdict
}
