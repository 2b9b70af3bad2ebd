//! Whom a group asks, how many calls an agent is given, and how agents come and go.

use std::time::Duration;

use serde_json::json;

use super::Play;
use crate::floor::{Event, Trouble};
use crate::{Command, Refusal};

#[test]
fn whoever_has_been_idle_longest_is_asked_and_the_lower_rank_first() {
    let mut play = Play::new();
    play.signs_in("2");
    play.wait(1);
    play.signs_in("1");
    play.calls("a", "9");
    assert_eq!(play.asked("a"), Some("2"));
    play.leaves("a");
    let members = json!([{"dn": "1", "rank": 1}, {"dn": "2", "rank": 2}]);
    play.change(json!({"kind": "group", "dn": "9", "name": "Nine", "members": members}));
    play.calls("b", "9");
    play.calls("c", "9");
    assert_eq!((play.asked("b"), play.asked("c")), (Some("1"), Some("2")));
}

#[test]
fn one_after_the_other() {
    let mut play = Play::with(&[
        json!({"kind": "agent", "dn": "3", "name": "Three", "max": 9}),
        json!({"kind": "agent", "dn": "1", "name": "One", "max": 9}),
        json!({"kind": "agent", "dn": "2", "name": "Two", "max": 9}),
        json!({"kind": "group", "dn": "9", "name": "Nine", "policy": "round_robin",
            "members": [{"dn": "1"}, {"dn": "2"}, {"dn": "3"}]}),
    ]);
    for agent in ["1", "2", "3"] {
        play.signs_in(agent);
    }
    let mut asked = Vec::new();
    for call in ["a", "b", "c", "d", "e"] {
        if call == "c" {
            play.does("3", Command::Ready { on: false, reason: Some("lunch".into()) }).unwrap();
        }
        play.calls(call, "9");
        asked.push(play.asked(call).unwrap().to_owned());
    }
    assert_eq!(asked, ["1", "2", "1", "2", "1"]);
}

#[test]
fn where_agents_help_themselves_nobody_is_asked() {
    let group = json!({"kind": "group", "dn": "9", "name": "Nine", "policy": "manual",
        "members": [{"dn": "1"}]});
    let mut play = Play::with(&[group]);
    play.signs_in("1");
    play.signs_in("2");
    play.calls("a", "9");
    play.calls("b", "9");
    assert!(play.is_queued("a", "9"));
    let take = |call: &str| Command::Take { call: call.into() };
    assert_eq!(play.does("2", take("b")), Err(Refusal::NoSuchChat));
    play.does("1", take("b")).unwrap();
    assert_eq!(play.owner("b"), Some("1"));
    // Ringing comes before the answer, even so.
    assert_eq!(play.said()[4..], ["b ringing", "b accepted 1"]);
    assert_eq!(play.does("1", take("a")), Err(Refusal::Full));
    assert_eq!(play.does("1", take("b")), Err(Refusal::NoSuchChat));
}

#[test]
fn an_agent_has_no_more_calls_than_they_may_have() {
    let mut play = Play::with(&[json!({"kind": "agent", "dn": "1", "name": "One", "max": 2})]);
    play.signs_in("1");
    for call in ["a", "b", "c"] {
        play.calls(call, "9");
    }
    play.accepts("1", "a").unwrap();
    assert_eq!((play.asked("b"), play.asked("c")), (Some("1"), None));
    play.leaves("a");
    // Writing up takes a place as well.
    assert_eq!(play.asked("c"), None);
    play.wait(19);
    play.accepts("1", "b").unwrap();
    play.wait(41);
    assert_eq!(play.asked("c"), Some("1"));
}

#[test]
fn three_missed_calls_in_a_row_make_an_agent_not_ready() {
    let mut play = Play::new();
    play.signs_in("1");
    play.calls("a", "9");
    play.wait(110);
    assert!(play.floor.agents["1"].ready);
    assert!(play.troubles.is_empty());
    play.wait(10);
    let agent = &play.floor.agents["1"];
    assert_eq!((agent.ready, agent.reason.as_deref()), (false, Some("missed")));
    assert_eq!(play.troubles, [Trouble::Missed { agent: "1".into(), calls: 3 }]);
    assert!(play.is_queued("a", "9"));
}

#[test]
fn links_run_out_and_other_links_go_on() {
    let mut play = Play::new();
    let link = |play: &mut Play, link: &str, holds: u64| {
        let until = play.now.after(Duration::from_secs(holds));
        play.event(Event::Linked { agent: "1".into(), link: link.into(), until });
    };
    link(&mut play, "tab", 60);
    link(&mut play, "phone", 100);
    play.does("1", Command::Ready { on: true, reason: None }).unwrap();
    play.wait(60);
    play.event(Event::Unlinked { agent: "1".into(), link: "tab".into() });
    assert!(play.floor.is_signed_in(&play.floor.agents["1"], play.now));
    play.calls("a", "9");
    assert_eq!(play.asked("a"), Some("1"));
    play.wait(19);
    play.calls("b", "9");
    play.accepts("1", "a").unwrap();
    play.wait(21);
    // 30 seconds to come back, in which nothing new is given to them.
    assert!(play.owner("a").is_some() && play.floor.agents["1"].links.is_empty());
    play.wait(29);
    link(&mut play, "again", 60);
    assert!(play.floor.agents["1"].ready);
    play.wait(90);
    assert!(!play.floor.agents["1"].ready);
    link(&mut play, "later", 60);
    assert!(!play.floor.agents["1"].ready && play.asked("b").is_none());
}

#[test]
fn strangers_are_no_agents() {
    let mut play = Play::new();
    let until = play.now.after(Duration::from_secs(60));
    for dn in ["9", "7", "5"] {
        let linked = Event::Linked { agent: dn.into(), link: "x".into(), until };
        assert_eq!(play.step(linked), Err(Refusal::NoSuchAgent));
        let ready = Command::Ready { on: true, reason: None };
        assert_eq!(play.does(dn, ready), Err(Refusal::NoSuchAgent));
    }
}

#[test]
fn comments_and_categories_have_bounds() {
    let mut play = Play::new();
    play.signs_in("1");
    play.calls("a", "9");
    play.accepts("1", "a").unwrap();
    let close = |comment: usize, codes: usize, code: usize| Command::Close {
        call: "a".into(),
        comment: Some("x".repeat(comment).into()),
        codes: vec!["x".repeat(code).into(); codes],
    };
    for wrong in [close(1_001, 0, 0), close(0, 16, 1), close(0, 1, 101)] {
        assert!(matches!(play.does("1", wrong), Err(Refusal::TooLong(_))));
    }
    play.does("1", close(1_000, 15, 100)).unwrap();
}
