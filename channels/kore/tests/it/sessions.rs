//! Sessions, reconnecting, and what is sent again.

use std::collections::HashSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::house::House;
use crate::wire::{Wire, ids, texts};

fn responses(frames: Vec<Value>) -> Vec<Value> {
    frames.into_iter().filter(|frame| frame["type"] == "bot_response").collect()
}

/// However many sockets a page opens at once, the bot learns of the user once, and each socket shows
/// the greeting.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_connects_at_once_are_one_session_and_one_greeting() {
    let house = House::new().await;
    let token = house.grant("kim").await;
    for more in ["", "&ConnectionMode=Default", "&isReconnect=true"] {
        let wires = join_all((0..8).map(|_| Wire::open(&house, &token, more))).await;
        let mut sessions = HashSet::new();
        for mut wire in wires {
            sessions.insert(wire.next("Bot_Active").await["sessionId"].to_string());
            let greeting = wire.next("bot_response").await;
            assert_eq!(texts(&[greeting]), ["Welcome"], "{more}");
        }
        assert_eq!(sessions.len(), 1, "{more}");
        house.hears("conversationUpdate", 1).await;
    }
    // A while later the same again: one session more, and one greeting more.
    house.clock.by_secs(60);
    let token = house.grant("kim").await;
    let wires = join_all((0..8).map(|_| Wire::open(&house, &token, ""))).await;
    for mut wire in wires {
        wire.next("bot_response").await;
    }
    house.hears("conversationUpdate", 2).await;
}

#[tokio::test]
async fn each_mode_begins_or_joins_a_session_as_it_should() {
    let house = House::new().await;
    let mut greetings = 0;
    // What is added to the address; whether time has passed; whether the bot is told.
    for (more, idle, greeted) in [
        ("&isReconnect=true", 0, true),
        ("&isReconnect=true", 60, false),
        ("&ConnectionMode=Default", 60, false),
        ("", 60, true),
        ("&ConnectionMode=Start_New", 1, true),
        ("&ConnectionMode=Start_New_Resume_Agent", 1, true),
        ("&ConnectionMode=Reconnect", 60, false),
        ("&ConnectionMode=Reconnect", 901, true),
        ("&ConnectionMode=Default", 901, true),
        ("&ConnectionMode=Default&isReconnect=true", 60, false),
    ] {
        house.clock.by_secs(idle);
        let token = house.grant("kim").await;
        let mut wire = Wire::open(&house, &token, more).await;
        let frames = wire.everything(&house).await;
        let started = frames.iter().any(|frame| frame["type"] == "Session_Start");
        assert_eq!(started, greeted, "{more} after {idle} s: {frames:?}");
        greetings += usize::from(greeted);
        house.hears("conversationUpdate", greetings).await;
        wire.close().await;
    }
}

/// Said while the socket was down: it comes once the client is back, and what was acknowledged does
/// not come again.
#[tokio::test]
async fn what_was_missed_is_sent_after_a_reconnect() {
    let house = House::new().await;
    let token = house.grant("kim").await;
    let mut wire = Wire::open(&house, &token, "").await;
    let welcome = wire.next("bot_response").await;
    wire.acknowledge(&welcome).await;
    house.bot_writes("seen").await;
    let seen = wire.next("bot_response").await;
    wire.acknowledge(&seen).await;
    house.bot_writes("sent and not acknowledged").await;
    let sent = wire.next("bot_response").await;
    // Gone without a word.
    drop(wire);
    house.bot_writes("missed").await;
    let mut wire = Wire::open(&house, &token, "&isReconnect=true").await;
    let frames = wire.responses(2).await;
    assert_eq!(texts(&frames), ["sent and not acknowledged", "missed"]);
    assert_eq!(frames[0]["messageId"], sent["messageId"]);
    wire.acknowledge(&frames[1]).await;
    wire.close().await;
    let mut wire = Wire::open(&house, &token, "&ConnectionMode=Reconnect").await;
    assert_eq!(responses(wire.everything(&house).await), Vec::<Value>::new());
    house.hears("conversationUpdate", 1).await;
}

/// What a client says after a message shows that it has it, even without acknowledgements; and what
/// it said itself does not come back to it.
#[tokio::test]
async fn a_clients_own_words_show_what_it_has_seen() {
    let house = House::new().await;
    let token = house.grant("kim").await;
    let mut wire = Wire::open(&house, &token, "").await;
    wire.next("bot_response").await;
    wire.say(1, "hello").await;
    wire.next("bot_response").await;
    // It is asked, and answers without knowing, while it pings.
    wire.all().await;
    wire.all().await;
    wire.close().await;
    house.bot_writes("missed").await;
    let mut wire = Wire::open(&house, &token, "&isReconnect=true").await;
    let frames = wire.everything(&house).await;
    assert_eq!(texts(&responses(frames.clone())), ["missed"]);
    assert!(frames.iter().all(|frame| frame["type"] != "user_message"), "{frames:?}");
}

/// Android and the older web SDKs get a fresh assertion before they connect again: the grant is
/// another one, and the client is the same.
#[tokio::test]
async fn a_client_with_a_renewed_grant_goes_on_where_it_was() {
    let house = House::new().await;
    let mut wire = Wire::open(&house, &house.grant("kim").await, "").await;
    let welcome = wire.next("bot_response").await;
    wire.acknowledge(&welcome).await;
    wire.close().await;
    house.bot_writes("missed").await;
    let mut wire = Wire::open(&house, &house.grant("kim").await, "&isReconnect=true").await;
    let missed = wire.next("bot_response").await;
    assert_eq!(texts(std::slice::from_ref(&missed)), ["missed"]);
    wire.acknowledge(&missed).await;
    wire.close().await;
    // And once more: the grant before the last is not gone back to.
    let mut wire = Wire::open(&house, &house.grant("kim").await, "&isReconnect=true").await;
    assert_eq!(responses(wire.everything(&house).await), Vec::<Value>::new());
}

#[tokio::test]
async fn not_more_is_sent_again_than_is_of_use() {
    let house = House::new().await;
    let token = house.grant("kim").await;
    let mut wire = Wire::open(&house, &token, "").await;
    let welcome = wire.next("bot_response").await;
    wire.acknowledge(&welcome).await;
    wire.close().await;
    house.bot_writes("old").await;
    house.clock.by_secs(901);
    for number in 0..120 {
        house.bot_writes(&number.to_string()).await;
    }
    let token_again = house.grant("kim").await;
    let mut wire = Wire::open(&house, &token, "&isReconnect=true").await;
    let frames = responses(wire.everything(&house).await);
    let said = texts(&frames);
    assert_eq!((said.len(), said.first(), said.last()), (100, Some(&"20"), Some(&"119")));
    let different: HashSet<&str> = ids(&frames).into_iter().collect();
    assert_eq!(different.len(), 100);
    wire.close().await;
    // What is older than that is for the history.
    house.clock.by_secs(890);
    house.bot_writes("new").await;
    house.clock.by_secs(20);
    let mut wire = Wire::open(&house, &token_again, "&ConnectionMode=Reconnect").await;
    assert_eq!(texts(&responses(wire.everything(&house).await)), ["new"]);
}

#[tokio::test]
async fn a_sid_is_good_once_and_a_user_has_so_many_sockets() {
    let house = House::with(json!({"sockets_per_user_max": 2})).await;
    let token = house.grant("kim").await;
    let url = house.start(&token).await;
    let first = Wire::at(&url).await;
    assert_eq!(Wire::refused(&url).await, 403);
    assert_eq!(Wire::refused(&format!("ws://{}/rtm/bot?sid=nonsense", house.at)).await, 403);
    assert_eq!(Wire::refused(&format!("ws://{}/rtm/bot", house.at)).await, 403);
    let second = Wire::open(&house, &token, "").await;
    // Not 429, which the web SDKs break on.
    assert_eq!(Wire::refused(&house.start(&token).await).await, 503);
    drop((first, second));
    // Another user is none of that.
    Wire::open(&house, &house.grant("lee").await, "").await;
    let stale = house.start(&token).await;
    house.clock.by_secs(31);
    assert_eq!(Wire::refused(&stale).await, 403);
}

#[tokio::test]
async fn users_of_different_names_have_nothing_of_each_other() {
    let house = House::new().await;
    let (kim, lee) = (house.grant("kim").await, house.grant("lee").await);
    let mut one = Wire::open(&house, &kim, "").await;
    let mut other = Wire::open(&house, &lee, "").await;
    one.next("bot_response").await;
    other.next("bot_response").await;
    one.say(1, "private").await;
    one.next("bot_response").await;
    assert_eq!(other.all().await, Vec::<Value>::new());
}

/// Each of a user's sockets writes how far it has come together with what is said, into one value:
/// whoever finds it changed looks again, and nothing is lost or said twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sockets_that_talk_at_once_lose_nothing() {
    const EACH: u64 = 15;
    let house = House::new().await;
    let talk = async |socket: u64| {
        let mut wire = Wire::open(&house, &house.grant("kim").await, "&isReconnect=true").await;
        for number in 0..EACH {
            let id = socket * 100 + number;
            wire.say(id, &format!("t{id}")).await;
            loop {
                let frame = wire.frame().await;
                if frame["type"] == "bot_response" {
                    wire.acknowledge(&frame).await;
                }
                if frame["type"] == "ack" {
                    assert_eq!((&frame["ok"], &frame["replyto"]), (&json!(true), &json!(id)));
                    break;
                }
            }
        }
        wire.close().await;
    };
    join_all((1..=4).map(talk)).await;
    let all = 4 * EACH as usize;
    let heard = house.hears("message", all).await;
    let different: HashSet<&str> = heard.iter().filter_map(|said| said["text"].as_str()).collect();
    assert_eq!(different.len(), all);
    house.hears("conversationUpdate", 1).await;
}

/// A phone that has lost its network says nothing any more: it does not keep its seat.
#[tokio::test]
async fn a_socket_that_does_not_answer_is_let_go() {
    let house = House::with(json!({"sockets_per_user_max": 1, "keep_alive_secs": 1})).await;
    let token = house.grant("kim").await;
    // What is not read is not answered either.
    let silent = Wire::open(&house, &token, "").await;
    let opened = async || {
        let url = house.start(&token).await;
        tokio_tungstenite::connect_async(url).await.ok()
    };
    let opened = maru_testkit::eventually("the seat", opened).await;
    let mut wire = Wire(opened.0);
    drop(silent);
    // One that answers stays, however little it says.
    wire.next("Bot_Active").await;
    let mut pings = 0;
    while pings < 3 {
        pings += usize::from(wire.is_ping().await);
    }
    wire.say(1, "hello").await;
    wire.next("ack").await;
}

#[tokio::test]
async fn an_erased_user_has_left_nothing_and_begins_anew() {
    let house = House::new().await;
    let token = house.grant("kim").await;
    let mut wire = Wire::open(&house, &token, "").await;
    wire.next("bot_response").await;
    drop(wire);
    let conversation = house.conversation().await;
    let kept = || house.hall.states(&house.ground.realm, "kore/session", None, 9);
    assert_eq!(kept().await.unwrap().items.len(), 1);
    let heard = house.heard("conversationUpdate");
    let user = heard[0]["from"]["id"].as_str().unwrap().to_owned();
    let whom = maru_hall::Whom::Participant(conversation.channel.clone(), user);
    house.hall.erase(&house.ground.realm, &whom).await.unwrap();
    assert!(kept().await.unwrap().items.is_empty());
    let token = house.grant("kim").await;
    let mut wire = Wire::open(&house, &token, "").await;
    wire.next("bot_response").await;
    let all = house.hall.conversations(&house.ground.realm, None, None, 9).await.unwrap();
    assert_eq!(all.items.len(), 2);
}
