//! What is said and changed on one node, seen on another.

use std::sync::Arc;

use maru_activity::Viewer;
use maru_hall::{Error, Kind, Place, Post};
use maru_testkit::eventually;

use super::house::{House, log, shown};
use crate::support::{said_by, say, silent};
use crate::timers::{Saying, said, set};
use crate::turns::turns;

#[tokio::test]
async fn what_is_said_on_one_node_is_seen_on_another_with_hints_and_without() {
    let mut house = House::open().await;
    let (one, two) = (house.node("1", silent()).await, house.node("2", silent()).await);
    for node in [&one, &two] {
        eventually("the hints", async || node.hall.hints_connected().then_some(())).await;
    }
    let conversation = one.begin().await;
    let there = two.hall.conversation(&conversation.realm, &conversation.id).await.unwrap();
    let there = there.expect("the other node knows it");
    let mut seen = two.hall.subscribe(&there, Viewer::Customer, Place::Pos(0));
    one.hall.post(&conversation, say("a")).await.unwrap();
    assert_eq!(shown(&mut seen, 1).await, ["a"]);

    house.nats.stop();
    eventually("the loss", async || (!two.hall.hints_connected()).then_some(())).await;
    // Nothing is said on the second node itself meanwhile: that would wake its subscribers too.
    for words in ["b", "c"] {
        one.hall.post(&conversation, say(words)).await.unwrap();
        assert_eq!(shown(&mut seen, 1).await, [words]);
    }
    two.hall.post(&there, Post::bot(said_by("bot", "d"))).await.unwrap();
    assert_eq!(shown(&mut seen, 1).await, ["d"]);
    let mut late = one.hall.subscribe(&conversation, Viewer::Customer, Place::Pos(3));
    assert_eq!(shown(&mut late, 1).await, ["d"]);

    house.nats.start().await;
    eventually("the hints", async || one.hall.hints_connected().then_some(())).await;
    one.hall.post(&conversation, say("e")).await.unwrap();
    assert_eq!(shown(&mut seen, 1).await, ["e"]);
}

#[tokio::test]
async fn records_of_one_node_are_used_on_the_other_and_neither_overwrites_the_other_unseen() {
    let mut house = House::open().await;
    let (one, two) = (house.node("1", silent()).await, house.node("2", silent()).await);
    // The slow way: nothing tells the other node.
    house.nats.stop();
    let directory = |node: &crate::support::Scene| node.hall.directory().snapshot();
    let mut record = (**directory(&one).bot(&"default".into(), &"bot".into()).unwrap()).clone();
    record.id = "second".into();
    one.hall.directory().put_bot(record.clone(), true).await.unwrap();
    let mut channel = one.channel.clone();
    (channel.id, channel.bot) = ("second".into(), "second".into());
    one.hall.directory().put_channel(channel.clone(), true).await.unwrap();
    // Whatever it has read by now: what is there is not made again.
    let again = two.hall.directory().put_bot(record.clone(), true).await.unwrap_err();
    assert_eq!(again.kind(), Kind::Conflict);
    eventually("the records", async || {
        directory(&two).channel(&"default".into(), &"second".into()).map(drop)
    })
    .await;

    // Both change it at once: who did not see the last form is told so, and has changed nothing. One
    // that read it just before may have seen it; then they try again.
    let named = |name: String| maru_hall::BotRecord { name, ..record.clone() };
    let mut kept = None;
    for round in 0..10 {
        let (first, second) = tokio::join!(
            one.hall.directory().put_bot(named(format!("one {round}")), false),
            two.hall.directory().put_bot(named(format!("two {round}")), false),
        );
        match (first, second) {
            (Ok(()), Err(Error::Conflict(_))) => kept = Some(format!("one {round}")),
            (Err(Error::Conflict(_)), Ok(())) => kept = Some(format!("two {round}")),
            (Ok(()), Ok(())) => continue,
            other => unreachable!("{other:?}"),
        }
        break;
    }
    let name = kept.expect("two changes at once meet each other");
    for node in [&one, &two] {
        eventually("the record", async || {
            let snapshot = directory(node);
            let bot = snapshot.bot(&"default".into(), &"second".into())?;
            (bot.name == name).then_some(())
        })
        .await;
    }
    let version = directory(&two).version;
    two.hall.directory().reload().await.unwrap();
    assert_eq!(directory(&two).version, version, "nothing was changed since");
}

#[tokio::test]
async fn a_user_who_first_speaks_on_two_nodes_at_once_is_announced_once() {
    let house = House::open().await;
    let (one, two) = (house.node("1", silent()).await, house.node("2", silent()).await);
    let conversation = one.begin_as(None).await;
    // Both have looked who takes part before anybody did.
    let there = two.hall.conversation(&conversation.realm, &conversation.id).await.unwrap();
    let there = there.expect("the other node knows it");
    for (user, words) in [("u", ["a", "b"]), ("v", ["c", "d"])] {
        let keyed = |words: &str| {
            let mut post = Post::user(said_by(user, words));
            post.client_key = Some(("test", words.into()));
            post
        };
        let (first, second) = tokio::join!(
            one.hall.post(&conversation, keyed(words[0])),
            two.hall.post(&there, keyed(words[1])),
        );
        assert!(!first.unwrap().repeated && !second.unwrap().repeated);
    }
    let (mut said, updates) = log(&one, &conversation).await;
    said.sort();
    assert_eq!((said, updates), (["a", "b", "c", "d"].map(String::from).to_vec(), 3));
}

#[tokio::test]
async fn words_without_a_reply_to_id_belong_to_the_last_turn_on_whichever_node_they_arrive() {
    let house = House::open().await;
    let (one, two) = (house.node("1", silent()).await, house.node("2", silent()).await);
    let conversation = one.begin().await;
    let there = two.hall.conversation(&conversation.realm, &conversation.id).await.unwrap();
    let there = there.expect("the other node knows it");
    let answer = || Post::bot(said_by("bot", "answer"));
    one.hall.post(&conversation, say("a")).await.unwrap();
    one.settled(&conversation).await;
    two.hall.post(&there, answer()).await.unwrap();
    two.hall.post(&there, say("b")).await.unwrap();
    two.settled(&there).await;
    // This node handed over `a` last, and must not believe that nothing came since.
    one.hall.post(&conversation, answer()).await.unwrap();
    let store = Arc::clone(&one.store);
    assert_eq!(turns(&store, &conversation).await, [0, 1, 1, 3, 3].map(Some));
}

#[tokio::test]
async fn a_timer_is_acted_on_once_whichever_node_does_it() {
    let house = House::open().await;
    let (one, two) = (house.node("1", silent()).await, house.node("2", silent()).await);
    let conversation = one.begin().await;
    let (tx, _fired) = tokio::sync::mpsc::unbounded_channel();
    for node in [&one, &two] {
        let (conversation, fired) = (Arc::clone(&conversation), tx.clone());
        let hall = node.hall.clone();
        node.hall.on_timer(Arc::new(Saying { hall, conversation, fired }));
    }
    let now = one.hall.env().now();
    let mut wanted: Vec<String> = (0..40).map(|n| format!("timer {n:02}")).collect();
    let timers = wanted.iter().map(|words| maru_hall::TimerWrite {
        set: Some((now, words.clone().into())),
        ..set("test/say", words, None)
    });
    one.hall.write(&conversation.realm, Vec::new(), timers.collect()).await.unwrap();
    // Each says its words in the commit that clears it; one more of them is one too many.
    wanted.push("the end".to_owned());
    eventually("the timers", async || (said(&one, &conversation).await.len() >= 40).then_some(()))
        .await;
    two.hall.post(&conversation, say("the end")).await.unwrap();
    two.settled(&conversation).await;
    let mut words = said(&two, &conversation).await;
    words.sort();
    wanted.sort();
    assert_eq!(words, wanted);
}
