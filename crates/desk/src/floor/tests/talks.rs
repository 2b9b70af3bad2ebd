//! The rows of web-chat-desk.md §4.9 on calls that somebody has.

use std::time::Duration;

use maru_hall::{CustomerDid, Route};
use serde_json::json;

use super::{Play, spoke};
use crate::floor::{Event, Phase, SlotKind, Trouble};
use crate::{Command, Refusal};

#[test]
fn a_bot_hands_over() {
    let mut play = Play::new();
    play.signs_in("1");
    play.calls("a", "7");
    play.said();
    play.hands_over("a", &["5", "6"]);
    assert_eq!(play.said(), ["a forwarded"]);
    assert_eq!(play.asked("a"), Some("1"));
    play.accepts("1", "a").unwrap();
    // No second answer for the customer: whoever shows it knows that there was one.
    assert_eq!(play.said(), ["a accepted 1"]);
    play.hands_over("a", &[]);
    assert!(play.said().is_empty());
    // Nobody: back to the bot.
    play.calls("b", "7");
    play.said();
    play.unlinks("1");
    play.wait(30);
    play.said();
    play.hands_over("b", &[]);
    assert_eq!(play.said(), ["b forwarded", "b failed 480"]);
    assert!(matches!(play.phase("b"), Some(Phase::Bot { .. })));
}

#[test]
fn a_bots_own_conversation_is_given_back() {
    let mut play = Play::new();
    play.signs_in("1");
    play.hands_over("a", &["9"]);
    play.accepts("1", "a").unwrap();
    assert_eq!(play.said(), ["a forwarded", "a accepted 1"]);
    let close = Command::Close { call: "a".into(), comment: None, codes: vec!["x".into()] };
    let step = play.step(Event::Command { agent: "1".into(), command: close }).unwrap();
    assert_eq!(step.route, Some(Route::Bot("bot".into())));
    assert_eq!(step.said.last().unwrap().tell, Some("bot".into()));
    assert_eq!(play.said(), ["a codes [\"x\"]", "a completed 200"]);
    // Nobody there: it was never taken away.
    play.hands_over("b", &["8"]);
    play.unlinks("1");
    play.wait(60);
    play.hands_over("c", &[]);
    assert_eq!(play.said().last().unwrap(), "c failed 480");
    assert_eq!(play.phase("c"), None);
}

#[test]
fn a_bot_ends_the_call_if_it_has_it() {
    let mut play = Play::new();
    play.signs_in("1");
    play.calls("a", "7");
    play.hands_over("a", &["9"]);
    play.said();
    play.event(Event::BotEnded { call: "a".into() });
    assert!(play.said().is_empty() && play.asked("a").is_some());
    play.calls("b", "7");
    play.event(Event::BotEnded { call: "b".into() });
    assert_eq!(play.said().last().unwrap(), "b end 200 Call terminated");
}

#[test]
fn a_call_is_held() {
    let mut play = Play::new();
    play.signs_in("1");
    play.calls("a", "9");
    play.accepts("1", "a").unwrap();
    play.said();
    for (on, said) in [(true, "a held 1"), (true, ""), (false, "a resumed 1"), (false, "")] {
        play.does("1", Command::Hold { call: "a".into(), on }).unwrap();
        assert_eq!(play.said().concat(), said);
    }
    let other = Command::Hold { call: "a".into(), on: true };
    assert_eq!(play.does("2", other), Err(Refusal::NoSuchChat));
}

#[test]
fn a_call_is_transferred() {
    let mut play = Play::new();
    play.signs_in("1");
    play.signs_in("2");
    play.calls("a", "1");
    play.accepts("1", "a").unwrap();
    play.said();
    assert_eq!(play.transfers("1", "a", "1"), Err(Refusal::BadTarget));
    assert_eq!(play.transfers("1", "a", "5"), Err(Refusal::BadTarget));
    assert_eq!(play.transfers("2", "a", "1"), Err(Refusal::NoSuchChat));
    play.transfers("1", "a", "2").unwrap();
    // It is the former owner's until it is taken.
    assert_eq!(play.slots("1"), [("a".to_owned(), SlotKind::Call)]);
    assert_eq!(play.transfers("1", "a", "7"), Err(Refusal::NotInCall));
    play.accepts("2", "a").unwrap();
    assert_eq!(play.slots("1"), [("a".to_owned(), SlotKind::Wrapup)]);
    assert_eq!(play.said(), ["a forwarded", "a transferred 2", "a joined 2", "a left 1"]);
    play.wait(60);
    assert!(play.slots("1").is_empty());
    play.transfers("2", "a", "7").unwrap();
    assert_eq!(play.said(), ["a forwarded", "a transferred 7", "a joined 7", "a left 2"]);
    assert!(matches!(play.phase("a"), Some(Phase::Bot { .. })));
}

#[test]
fn a_transfer_that_finds_nobody_comes_back() {
    let mut play = Play::new();
    play.signs_in("1");
    play.signs_in("2");
    play.calls("a", "1");
    play.accepts("1", "a").unwrap();
    for refuses in [true, false] {
        play.said();
        play.transfers("1", "a", "2").unwrap();
        if refuses {
            play.rejects("2", "a").unwrap();
        } else {
            play.wait(20);
        }
        let code = if refuses { 603 } else { 480 };
        assert_eq!(play.said()[2..], [format!("a failed {code}")]);
        assert_eq!((play.owner("a"), play.slots("2")), (Some("1"), Vec::new()));
    }
    // Where nobody can take it, nothing happens at all.
    play.unlinks("2");
    play.wait(30);
    let before = play.floor.clone();
    let refused = play.transfers("1", "a", "2");
    assert!(matches!(refused, Err(Refusal::Unreachable { code: 480, .. })));
    assert_eq!(play.floor, before);
    // Into a queue: it waits as others do, and comes back.
    play.change(json!({"kind": "group", "dn": "5", "name": "x", "accept_when_empty": true}));
    play.transfers("1", "a", "5").unwrap();
    play.wait(180);
    assert_eq!(
        (play.said().last().unwrap().as_str(), play.owner("a")),
        ("a failed 408", Some("1"))
    );
    play.transfers("1", "a", "5").unwrap();
    play.closes("1", "a").unwrap();
    assert!(play.floor.queues["5"].waiting.is_empty());
}

#[test]
fn an_agent_is_gone_too_long() {
    let mut play = Play::new();
    play.signs_in("1");
    play.signs_in("2");
    play.calls("a", "9");
    play.calls("b", "9");
    play.accepts("1", "a").unwrap();
    play.accepts("2", "b").unwrap();
    play.calls("c", "9");
    play.said();
    play.unlinks("1");
    play.wait(29);
    assert_eq!(play.owner("a"), Some("1"));
    play.wait(1);
    assert_eq!(play.said(), ["a left 1", "a forwarded", "a text The", "a queued"]);
    // Before those who have waited longer.
    play.leaves("b");
    play.does("2", Command::WrapupDone { call: "b".into() }).unwrap();
    assert_eq!(play.asked("a"), Some("2"));
    play.accepts("2", "a").unwrap();
    assert_eq!(play.said().last().unwrap(), "a joined 2");
}

#[test]
fn either_side_ends_a_call() {
    let mut play = Play::new();
    play.signs_in("1");
    for by_agent in [true, false] {
        play.calls("a", "9");
        play.accepts("1", "a").unwrap();
        if by_agent {
            play.does("1", Command::Hold { call: "a".into(), on: true }).unwrap();
            play.closes("1", "a").unwrap();
        } else {
            play.leaves("a");
        }
        assert_eq!(play.said().last().unwrap(), "a end 200 Call terminated");
        // Cleared: anything else is of no effect.
        play.leaves("a");
        play.customer("a", CustomerDid::Lost { link: 9 });
        assert_eq!(play.closes("1", "a"), Err(Refusal::NoSuchChat));
        assert_eq!(play.transfers("1", "a", "2"), Err(Refusal::NoSuchChat));
        assert!(play.said().is_empty());
        assert_eq!(play.slots("1"), [("a".to_owned(), SlotKind::Wrapup)]);
        play.wait(60);
        assert!(play.slots("1").is_empty() && play.floor.chats.is_empty());
    }
}

#[test]
fn a_customer_says_nothing() {
    let mut play = Play::new();
    play.signs_in("1");
    play.calls("a", "9");
    play.accepts("1", "a").unwrap();
    play.said();
    let answered = play.now.after(Duration::from_secs(60));
    let due = |spoke| Event::CallDue { call: "a".into(), spoke };
    play.now = play.now.after(Duration::from_secs(120));
    play.event(due(spoke(None, Some(answered))));
    assert!(play.said().is_empty());
    play.now = answered.after(Duration::from_secs(480));
    play.event(due(spoke(None, Some(answered))));
    assert_eq!(play.said(), ["a text Are"]);
    let back = play.now.after(Duration::from_secs(1));
    play.now = answered.after(Duration::from_secs(600));
    // They wrote, and the agent answered: all begins anew.
    play.event(due(spoke(Some(back), Some(back.after(Duration::from_secs(9))))));
    assert!(play.said().is_empty());
    play.now = back.after(Duration::from_secs(609));
    play.event(due(spoke(Some(back), Some(back.after(Duration::from_secs(9))))));
    assert_eq!(play.said(), ["a end 200 Call terminated"]);
}

#[test]
fn an_agent_says_nothing() {
    let mut play = Play::new();
    play.signs_in("1");
    play.calls("a", "9");
    play.accepts("1", "a").unwrap();
    play.wait(119);
    assert!(play.troubles.is_empty());
    play.wait(1);
    assert_eq!(play.troubles, [Trouble::Silent { agent: "1".into() }]);
    // One silence is told of once, and never ends the call of a customer who waits.
    play.wait(3_000);
    assert_eq!((play.troubles.len(), play.owner("a")), (1, Some("1")));
}
