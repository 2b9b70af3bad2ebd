//! Whatever happens in whatever order, some things always hold (web-chat-desk.md §4.13, P).

use std::collections::{BTreeMap, BTreeSet};

use maru_hall::CustomerDid;
use proptest::prelude::*;
use serde_json::json;

use super::Play;
use crate::Command;
use crate::floor::{CallKind, Event, Floor, Phase, SlotKind};

const CALLS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const AGENTS: [&str; 2] = ["1", "2"];
const DIALED: [&str; 7] = ["1", "2", "9", "8", "7", "6", "5"];

#[derive(Clone, Debug)]
enum Act {
    Calls(usize, usize),
    HandsOver(usize, usize),
    BotEnds(usize),
    Customer(usize, CustomerDid),
    SignsIn(usize),
    Unlinks(usize),
    Ready(usize, bool),
    Accepts(usize, usize),
    Stale(usize, usize),
    Rejects(usize, usize),
    Takes(usize, usize),
    Holds(usize, usize, bool),
    Transfers(usize, usize, usize),
    Closes(usize, usize),
    WrittenUp(usize, usize),
    Waits(u64),
}

fn act() -> impl Strategy<Value = Act> {
    let call = 0..CALLS.len();
    let agent = 0..AGENTS.len();
    let dn = 0..DIALED.len();
    let did = prop_oneof![
        Just(CustomerDid::Left),
        (0_u64..3).prop_map(|link| CustomerDid::Lost { link }),
        (0_u64..3).prop_map(|link| CustomerDid::Back { link }),
    ];
    prop_oneof![
        6 => (call.clone(), dn.clone()).prop_map(|(call, dn)| Act::Calls(call, dn)),
        2 => (call.clone(), dn.clone()).prop_map(|(call, dn)| Act::HandsOver(call, dn)),
        1 => call.clone().prop_map(Act::BotEnds),
        2 => (call.clone(), did).prop_map(|(call, did)| Act::Customer(call, did)),
        3 => agent.clone().prop_map(Act::SignsIn),
        1 => agent.clone().prop_map(Act::Unlinks),
        1 => (agent.clone(), any::<bool>()).prop_map(|(agent, on)| Act::Ready(agent, on)),
        8 => (agent.clone(), call.clone()).prop_map(|(agent, call)| Act::Accepts(agent, call)),
        1 => (agent.clone(), call.clone()).prop_map(|(agent, call)| Act::Stale(agent, call)),
        2 => (agent.clone(), call.clone()).prop_map(|(agent, call)| Act::Rejects(agent, call)),
        2 => (agent.clone(), call.clone()).prop_map(|(agent, call)| Act::Takes(agent, call)),
        1 => (agent.clone(), call.clone(), any::<bool>())
            .prop_map(|(agent, call, on)| Act::Holds(agent, call, on)),
        3 => (agent.clone(), call.clone(), dn).prop_map(|(agent, call, dn)| Act::Transfers(agent, call, dn)),
        2 => (agent.clone(), call.clone()).prop_map(|(agent, call)| Act::Closes(agent, call)),
        2 => (agent, call).prop_map(|(agent, call)| Act::WrittenUp(agent, call)),
        4 => (1_u64..200).prop_map(Act::Waits),
    ]
}

fn perform(play: &mut Play, act: &Act, begun: &mut BTreeSet<String>) {
    match *act {
        Act::Calls(call, dn) => {
            // A conversation is admitted once, and again as the same: whoever calls sees to that.
            if begun.insert(CALLS[call].to_owned()) {
                play.calls(CALLS[call], DIALED[dn]);
            }
        }
        Act::HandsOver(call, dn) => {
            let known = play.floor.chats.contains_key(&CALLS[call].into());
            let kind = play.floor.chats.get(&CALLS[call].into()).map(|chat| chat.kind);
            if known || kind == Some(CallKind::Handoff) || begun.insert(CALLS[call].to_owned()) {
                play.hands_over(CALLS[call], &[DIALED[dn]]);
            }
        }
        Act::BotEnds(call) => play.event(Event::BotEnded { call: CALLS[call].into() }),
        Act::Customer(call, did) => play.customer(CALLS[call], did),
        Act::SignsIn(agent) => play.signs_in(AGENTS[agent]),
        Act::Unlinks(agent) => {
            let event = Event::Unlinked { agent: AGENTS[agent].into(), link: "link".into() };
            let _ = play.step(event);
            play.settle();
        }
        Act::Ready(agent, on) => {
            drop(play.does(AGENTS[agent], Command::Ready { on, reason: None }));
        }
        Act::Accepts(agent, call) => drop(play.accepts(AGENTS[agent], CALLS[call])),
        Act::Stale(agent, call) => {
            let epoch = play.floor.chats.get(&CALLS[call].into()).map_or(0, |chat| chat.epoch);
            let stale = Command::Accept { call: CALLS[call].into(), epoch: epoch.wrapping_sub(1) };
            assert!(play.does(AGENTS[agent], stale).is_err());
        }
        Act::Rejects(agent, call) => drop(play.rejects(AGENTS[agent], CALLS[call])),
        Act::Takes(agent, call) => {
            drop(play.does(AGENTS[agent], Command::Take { call: CALLS[call].into() }));
        }
        Act::Holds(agent, call, on) => {
            drop(play.does(AGENTS[agent], Command::Hold { call: CALLS[call].into(), on }));
        }
        Act::Transfers(agent, call, dn) => {
            drop(play.transfers(AGENTS[agent], CALLS[call], DIALED[dn]));
        }
        Act::Closes(agent, call) => drop(play.closes(AGENTS[agent], CALLS[call])),
        Act::WrittenUp(agent, call) => {
            let done = Command::WrapupDone { call: CALLS[call].into() };
            drop(play.does(AGENTS[agent], done));
        }
        Act::Waits(time) => play.wait(time),
    }
}

/// What always holds.
fn check(floor: &Floor, now: maru_activity::Timestamp) {
    for agent in floor.agents.values() {
        let max = floor.book.agent(&agent.dn).unwrap().max as usize;
        assert!(agent.slots.len() <= max, "{agent:?} has too many calls");
    }
    for chat in floor.chats.values() {
        let slots = |kind| {
            let agents = floor.agents.values();
            let has = |agent: &&std::sync::Arc<crate::floor::Agent>| {
                agent.slot(&chat.call).is_some_and(|slot| slot.kind == kind)
            };
            agents.filter(has).map(|agent| agent.dn.clone()).collect::<Vec<_>>()
        };
        let owners = slots(SlotKind::Call);
        assert_eq!(owners, chat.owner().cloned().into_iter().collect::<Vec<_>>(), "{chat:?}");
        let asked = match &chat.phase {
            Phase::Ringing { agent, .. } => vec![agent.clone()],
            _ => Vec::new(),
        };
        assert_eq!(slots(SlotKind::Ringing), asked, "{chat:?}");
        let queues = floor.queues.values().filter(|queue| queue.index(&chat.call).is_some());
        let queues: Vec<_> = queues.map(|queue| queue.dn.clone()).collect();
        assert_eq!(queues, chat.queue().cloned().into_iter().collect::<Vec<_>>(), "{chat:?}");
        // Somebody else's time to come is never behind us.
        let due = chat.deadline(&floor.book.settings);
        assert!(due.is_none_or(|due| due > now), "{chat:?} is overdue");
    }
    for queue in floor.queues.values() {
        assert!(queue.waiting.is_sorted_by_key(|waiting| waiting.order()), "{queue:?}");
        let known = queue.waiting.iter().all(|waiting| floor.chats.contains_key(&waiting.call));
        assert!(known, "{queue:?} has calls that are over");
    }
}

/// Every call ends once, and nothing is said of it afterwards.
fn check_said(said: &[String]) {
    let mut ended = BTreeMap::new();
    let mut answered = BTreeSet::new();
    for line in said {
        let (call, what) = line.split_once(' ').unwrap();
        assert!(!ended.contains_key(call), "{line} after {ended:?}");
        if what.starts_with("end ") {
            ended.insert(call.to_owned(), line.clone());
        }
        if what.starts_with("ringing") {
            assert!(!answered.contains(call), "{line} after it was answered");
        }
        if what.starts_with("accepted") || what.starts_with("joined") {
            answered.insert(call.to_owned());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn what_always_holds(acts in prop::collection::vec(act(), 1..80), manual: bool) {
        let policy = if manual { "manual" } else { "longest_idle" };
        let mut play = Play::with(&[
            json!({"kind": "agent", "dn": "1", "name": "One", "max": 2}),
            json!({"kind": "agent", "dn": "2", "name": "Two", "max": 1, "queue": true,
                "overflow": "7"}),
            json!({"kind": "group", "dn": "9", "name": "Nine", "policy": policy, "queue_max": 3,
                "members": [{"dn": "1"}, {"dn": "2"}], "accept_when_empty": manual}),
        ]);
        let mut begun = BTreeSet::new();
        for act in &acts {
            perform(&mut play, act, &mut begun);
            check(&play.floor, play.now);
        }
        check_said(&play.said);
        // Left alone, every call comes to an end but for those that somebody is in.
        play.wait(20_000);
        let waits = |chat: &crate::floor::Chat| chat.queue().is_some() || chat.is_over();
        prop_assert!(!play.floor.chats.values().any(|chat| waits(chat)), "{:?}", play.floor.chats);
    }

    #[test]
    fn those_who_wait_are_served_in_the_order_they_came(calls in 2_usize..6, free in 1_usize..3) {
        let mut play = Play::with(&[
            json!({"kind": "group", "dn": "9", "name": "Nine", "accept_when_empty": true,
                "members": [{"dn": "1"}, {"dn": "2"}]}),
        ]);
        for call in &CALLS[..calls] {
            play.calls(call, "9");
            play.wait(1);
        }
        for agent in &AGENTS[..free] {
            play.signs_in(agent);
        }
        let mut served = Vec::new();
        while served.len() < calls {
            let (agent, call) = CALLS
                .iter()
                .find_map(|call| Some((play.asked(call)?.to_owned(), (*call).to_owned())))
                .unwrap();
            play.accepts(&agent, &call).unwrap();
            play.closes(&agent, &call).unwrap();
            play.does(&agent, Command::WrapupDone { call: call.as_str().into() }).unwrap();
            served.push(call);
        }
        prop_assert_eq!(served, CALLS[..calls].to_vec());
    }
}
