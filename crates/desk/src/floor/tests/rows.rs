//! The rows of web-chat-desk.md §4.9 on calls that nobody has answered yet, from top to bottom.

use std::time::Duration;

use maru_hall::{CustomerDid, Route};
use serde_json::json;

use super::Play;
use crate::floor::{Count, Event, Incoming};
use crate::{Command, Refusal};

/// A group that takes calls while nobody is there.
fn patient(more: &serde_json::Value) -> serde_json::Value {
    let mut group = json!({"kind": "group", "dn": "9", "name": "Nine", "accept_when_empty": true,
        "members": [{"dn": "1"}, {"dn": "2"}]});
    let group_members = group.as_object_mut().unwrap();
    group_members.extend(more.as_object().unwrap().clone());
    group
}

#[test]
fn a_number_that_is_not_there() {
    let mut play = Play::new();
    play.calls("a", "5");
    assert_eq!(play.said(), ["a trying", "a end 404 Not Found"]);
    assert!(play.floor.chats.is_empty());
}

#[test]
fn a_virtual_agent_answers_at_once() {
    let mut play = Play::new();
    let incoming = Incoming { call: "a".into(), dn: "7".into(), customer: super::customer() };
    let step = play.step(Event::Admit(Box::new(incoming))).unwrap();
    assert_eq!((step.route, step.greet), (Some(Route::Bot("bot".into())), true));
    assert_eq!(play.said(), ["a trying", "a ringing", "a accepted 7"]);
    assert_eq!(play.floor.chats.values().next().unwrap().virtual_agent.as_deref(), Some("7"));
}

#[test]
fn an_agent_who_is_away_or_busy() {
    let mut play = Play::new();
    play.calls("a", "1");
    assert_eq!(play.said(), ["a trying", "a end 480 Temporarily Unavailable"]);
    play.signs_in("1");
    play.calls("b", "1");
    assert_eq!(play.said(), ["b trying", "b ringing"]);
    play.calls("c", "1");
    assert_eq!(play.said(), ["c trying", "c end 486 Busy Here"]);
    // One whose callers may wait.
    play.change(json!({"kind": "agent", "dn": "1", "name": "One", "max": 1, "queue": true}));
    play.calls("d", "1");
    assert_eq!(play.said(), ["d trying", "d queued"]);
    play.accepts("1", "b").unwrap();
    play.leaves("b");
    play.does("1", Command::WrapupDone { call: "b".into() }).unwrap();
    assert_eq!(play.asked("d"), Some("1"));
}

#[test]
fn a_group_where_nobody_is() {
    let mut play = Play::new();
    play.calls("a", "6");
    assert_eq!(play.said(), ["a trying", "a end 480 Temporarily Unavailable"]);
    play.change(patient(&json!({})));
    play.calls("b", "6");
    assert_eq!(play.said(), ["b trying", "b queued"]);
    assert!(play.is_queued("b", "9"));
}

#[test]
fn a_queue_that_is_full() {
    let mut play = Play::with(&[patient(&json!({"queue_max": 1}))]);
    play.calls("a", "9");
    play.calls("b", "9");
    assert_eq!(play.said(), ["a trying", "a queued", "b trying", "b end 486 Busy Here"]);
    // Whoever is served at once takes no place in it.
    play.signs_in("1");
    play.signs_in("2");
    play.accepts("1", "a").unwrap();
    play.change(patient(&json!({"queue_max": 0})));
    play.calls("c", "9");
    assert_eq!(play.asked("c"), Some("2"));
}

#[test]
fn calls_overflow_and_never_come_back() {
    let chain = [
        json!({"kind": "group", "dn": "g4", "name": "x"}),
        json!({"kind": "group", "dn": "g3", "name": "x", "overflow": "g4"}),
        json!({"kind": "group", "dn": "g2", "name": "x", "overflow": "g3"}),
        json!({"kind": "group", "dn": "g1", "name": "x", "overflow": "g2"}),
        json!({"kind": "group", "dn": "g0", "name": "x", "overflow": "g1"}),
    ];
    let mut play = Play::with(&chain);
    // Three times on, and not a fourth.
    play.calls("a", "g0");
    let hop = "a forwarded";
    let end = "a end 480 Temporarily Unavailable";
    assert_eq!(play.said(), ["a trying", hop, hop, hop, end]);
    play.signs_in("1");
    play.calls("b", "8");
    assert_eq!(play.said(), ["b trying", "b forwarded", "b ringing"]);
    assert_eq!(play.asked("b"), Some("1"));
}

#[test]
fn nobody_is_free_so_it_waits_its_turn() {
    let mut play = Play::new();
    play.signs_in("1");
    for call in ["a", "b", "c"] {
        play.calls(call, "9");
    }
    let said = ["a trying", "a ringing", "b trying", "b queued", "c trying", "c queued"];
    assert_eq!(play.said(), said);
    play.signs_in("2");
    assert_eq!((play.asked("b"), play.asked("c")), (Some("2"), None));
    assert_eq!(play.said(), ["b ringing"]);
}

#[test]
fn whoever_is_asked_accepts_and_others_cannot() {
    let mut play = Play::new();
    play.signs_in("1");
    play.calls("a", "9");
    assert_eq!(play.accepts("2", "a"), Err(Refusal::Expired));
    assert_eq!(
        play.does("1", Command::Accept { call: "a".into(), epoch: 1 }),
        Err(Refusal::Expired)
    );
    assert_eq!(
        play.does("1", Command::Accept { call: "x".into(), epoch: 1 }),
        Err(Refusal::Expired)
    );
    play.said();
    let epoch = play.floor.chats.values().next().unwrap().epoch;
    let accept =
        Event::Command { agent: "1".into(), command: Command::Accept { call: "a".into(), epoch } };
    let step = play.step(accept).unwrap();
    assert_eq!(step.route, Some(Route::Agent("1".into())));
    assert_eq!(step.counts, [Count::Answered(Duration::ZERO)]);
    assert_eq!(play.said(), ["a accepted 1"]);
    assert_eq!(play.accepts("1", "a"), Err(Refusal::Expired));
    assert!(play.floor.queues["9"].waiting.is_empty());
}

#[test]
fn in_a_group_another_is_asked_and_no_place_is_lost() {
    let mut play = Play::new();
    play.signs_in("1");
    play.wait(1);
    play.signs_in("2");
    play.calls("a", "9");
    assert_eq!(play.asked("a"), Some("1"));
    play.calls("b", "9");
    play.calls("c", "9");
    assert_eq!(play.asked("b"), Some("2"));
    play.rejects("1", "a").unwrap();
    // 1 is free for the next one now; and a keeps its place before c.
    assert_eq!((play.asked("a"), play.asked("b"), play.asked("c")), (None, Some("2"), Some("1")));
    assert_eq!(play.floor.queues["9"].waiting[0].call.as_str(), "a");
    play.rejects("1", "c").unwrap();
    play.rejects("2", "b").unwrap();
    assert_eq!(play.asked("a"), Some("2"));
    play.wait(20);
    // T_ring: again nobody but those who have turned it down.
    assert_eq!(play.asked("a"), None);
    play.wait(10);
    // T_reject_cooldown is over for 1.
    assert_eq!(play.asked("a"), Some("1"));
    let rings = play.said().iter().filter(|said| *said == "a ringing").count();
    assert_eq!(rings, 1);
}

#[test]
fn an_agent_who_was_called_themselves_declines_or_does_not_answer() {
    let mut play = Play::new();
    play.signs_in("1");
    play.calls("a", "1");
    play.rejects("1", "a").unwrap();
    play.calls("b", "1");
    play.wait(20);
    let said = play.said();
    assert_eq!(said[2], "a end 603 Decline");
    assert_eq!(said[5], "b end 480 Temporarily Unavailable");
    assert!(play.slots("1").is_empty());
    // With somewhere to go.
    play.change(json!({"kind": "agent", "dn": "1", "name": "One", "overflow": "2"}));
    play.signs_in("2");
    play.calls("c", "1");
    play.rejects("1", "c").unwrap();
    assert_eq!(play.said(), ["c trying", "c ringing", "c forwarded"]);
    assert_eq!(play.asked("c"), Some("2"));
}

#[test]
fn an_offer_is_withdrawn_when_the_agents_link_is_lost() {
    let mut play = Play::new();
    play.signs_in("1");
    play.calls("a", "9");
    play.calls("b", "9");
    play.unlinks("1");
    assert!(play.is_queued("a", "9") && play.slots("1").is_empty());
    play.signs_in("2");
    assert_eq!(play.asked("a"), Some("2"));
    let rings = play.said().iter().filter(|said| *said == "a ringing").count();
    assert_eq!(rings, 1);
}

#[test]
fn the_last_one_signs_out() {
    let mut play = Play::with(&[patient(&json!({"clear_when_empty": true, "overflow": "7"}))]);
    play.signs_in("1");
    play.calls("a", "9");
    play.accepts("1", "a").unwrap();
    play.calls("b", "9");
    play.said();
    play.unlinks("1");
    play.wait(29);
    assert!(play.is_queued("b", "9"));
    play.wait(1);
    // Both go on to where the group overflows to.
    let said = play.said();
    assert!(said.contains(&"b forwarded".to_owned()) && said.contains(&"b accepted 7".to_owned()));
    assert!(said.contains(&"a joined 7".to_owned()), "{said:?}");
    play.change(patient(&json!({})));
    play.calls("c", "9");
    play.wait(100);
    assert!(play.is_queued("c", "9"));
}

#[test]
fn it_waits_too_long_in_a_queue() {
    let mut play = Play::with(&[patient(&json!({}))]);
    play.calls("a", "9");
    play.wait(180);
    assert_eq!(play.said(), ["a trying", "a queued", "a end 408 Request Timeout"]);
    play.change(patient(&json!({"overflow": "7"})));
    play.calls("b", "9");
    play.wait(180);
    assert_eq!(play.said()[2..], ["b forwarded", "b ringing", "b accepted 7"]);
    // While it rings, too: somebody else is looked for.
    play.change(patient(&json!({"queue_secs": 10})));
    play.signs_in("1");
    play.calls("c", "9");
    play.wait(10);
    assert_eq!(play.said(), ["c trying", "c ringing", "c end 408 Request Timeout"]);
    assert!(play.slots("1").is_empty());
}

#[test]
fn it_goes_unanswered_too_long_in_all() {
    let mut play = Play::with(&[patient(&json!({"queue_secs": 0}))]);
    play.calls("a", "9");
    play.wait(599);
    assert!(play.is_queued("a", "9"));
    play.wait(1);
    assert_eq!(play.said()[2..], ["a end 408 Request Timeout"]);
}

#[test]
fn the_customer_gives_up() {
    let mut play = Play::with(&[patient(&json!({}))]);
    play.calls("a", "9");
    let left = Event::Customer { call: "a".into(), did: CustomerDid::Left };
    let step = play.step(left).unwrap();
    assert_eq!(step.counts, [Count::Abandoned, Count::Failed(487)]);
    play.signs_in("1");
    play.calls("b", "9");
    play.leaves("b");
    assert!(play.slots("1").is_empty() && play.floor.queues["9"].waiting.is_empty());
    let said = play.said();
    assert_eq!(
        (said[2].as_str(), said[5].as_str()),
        ("a end 487 Request Terminated", "b end 487 Request Terminated")
    );
    play.leaves("b");
    assert!(play.said().is_empty());
}

#[test]
fn the_customers_link_breaks() {
    let mut play = Play::with(&[patient(&json!({}))]);
    play.calls("a", "9");
    play.customer("a", CustomerDid::Lost { link: 1 });
    play.wait(119);
    play.customer("a", CustomerDid::Back { link: 2 });
    play.customer("a", CustomerDid::Lost { link: 1 });
    play.wait(30);
    assert!(play.is_queued("a", "9"));
    play.customer("a", CustomerDid::Lost { link: 2 });
    play.customer("a", CustomerDid::Lost { link: 2 });
    play.wait(31);
    // T_queue comes first.
    assert_eq!(play.said()[2..], ["a end 408 Request Timeout"]);
    play.signs_in("1");
    play.calls("b", "9");
    play.accepts("1", "b").unwrap();
    play.customer("b", CustomerDid::Lost { link: 1 });
    play.wait(120);
    assert_eq!(play.said().last().unwrap(), "b end 503 Transport error");
    play.calls("c", "9");
    play.customer("c", CustomerDid::Lost { link: 1 });
    play.wait(120);
    assert_eq!(play.said().last().unwrap(), "c end 487 Request Terminated");
}
