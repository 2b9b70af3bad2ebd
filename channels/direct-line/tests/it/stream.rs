use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use maru_hall::{Post, PostOp, PostedId};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::client::Request;
use crate::house::{House, Talk, of_bot};

/// A client's end of a stream.
struct Ear(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Ear {
    async fn at(url: &str) -> Self {
        Self(connect_async(url).await.expect("the stream opens").0)
    }

    async fn of(talk: &Talk<'_>) -> Self {
        Self::at(talk.stream_url.as_deref().unwrap()).await
    }

    async fn message(&mut self) -> Option<Message> {
        let next = tokio::time::timeout(Duration::from_secs(20), self.0.next());
        next.await.expect("something comes").transpose().ok().flatten()
    }

    /// The next activity set; empty frames are passed over.
    async fn set(&mut self) -> Value {
        loop {
            match self.message().await.expect("the stream is open") {
                Message::Text(text) if text.is_empty() => {}
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                other => panic!("no text: {other:?}"),
            }
        }
    }

    /// Activities until there are so many, with the last watermark.
    async fn hear(&mut self, count: usize) -> (Vec<Value>, String) {
        let mut heard = Vec::new();
        loop {
            let set = self.set().await;
            heard.extend(set["activities"].as_array().unwrap().iter().cloned());
            if heard.len() >= count {
                return (heard, set["watermark"].as_str().unwrap().to_owned());
            }
        }
    }
}

fn texts(activities: &[Value]) -> Vec<&str> {
    crate::house::texts(activities)
}

/// The status with which a handshake is refused.
async fn refused(url: &str) -> u16 {
    match connect_async(url).await {
        Err(WsError::Http(answer)) => answer.status().as_u16(),
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_stream_gives_what_was_said_and_then_what_is() {
    let house = House::new().await;
    let talk = house.talk().await;
    talk.say("before").await;
    talk.wait_for(2).await;
    let (mut ear, mut other) = (Ear::of(&talk).await, Ear::of(&talk).await);
    for ear in [&mut ear, &mut other] {
        let (heard, watermark) = ear.hear(2).await;
        assert_eq!(texts(&heard), ["before", "You said before"]);
        assert_eq!(watermark, "1");
    }
    // What clients send there is passed over: directlinejs sends empty frames.
    for frame in [Message::text(""), Message::text("{"), Message::binary(vec![1])] {
        ear.0.send(frame).await.unwrap();
    }
    let id = talk.say("after").await;
    for ear in [&mut ear, &mut other] {
        let (heard, watermark) = ear.hear(2).await;
        // One's own words come back before the answer, under the id that the post gave.
        assert_eq!(texts(&heard), ["after", "You said after"]);
        assert_eq!(heard[0]["id"], id.as_str());
        assert_eq!(watermark, "3");
    }
}

#[tokio::test]
async fn a_stream_goes_on_after_its_watermark() {
    let house = House::new().await;
    let talk = house.talk().await;
    let conversation = talk.conversation().await;
    for n in 0..230 {
        let post = Post::bot(of_bot("message", &n.to_string()));
        house.hall.post(&conversation, post).await.unwrap();
    }
    let again = Talk::of(&house, &talk.reconnect("49").await);
    let (heard, watermark) = Ear::of(&again).await.hear(180).await;
    let expected: Vec<String> = (50..230).map(|n| n.to_string()).collect();
    assert_eq!(texts(&heard), expected);
    assert_eq!(watermark, "229");
}

#[tokio::test]
async fn typing_is_live_and_moves_no_watermark() {
    let house = House::new().await;
    let talk = house.talk().await;
    talk.say("one").await;
    talk.wait_for(2).await;
    let mut ear = Ear::of(&talk).await;
    assert_eq!(ear.hear(2).await.1, "1");
    let posted = talk.post(&json!({"type":"typing","from":{"id":"u1"}})).await.json();
    let (heard, watermark) = ear.hear(1).await;
    assert_eq!((&heard[0]["type"], &heard[0]["id"]), (&json!("typing"), &posted["id"]));
    assert_eq!(watermark, "1");
    // A bot's typing is in the log: a stream of words goes on under its id.
    let conversation = talk.conversation().await;
    house.hall.post(&conversation, Post::bot(of_bot("typing", "…"))).await.unwrap();
    let (heard, watermark) = ear.hear(1).await;
    assert_eq!(heard[0]["id"], format!("{}|0000002", talk.id));
    assert_eq!(watermark, "2");
}

#[tokio::test]
async fn changes_are_told_under_the_old_id_and_traces_are_not_told() {
    let house = House::new().await;
    let talk = house.talk().await;
    let conversation = talk.conversation().await;
    let mut ear = Ear::of(&talk).await;
    let say = |op, kind: &'static str, text: &str| {
        let mut post = Post::bot(of_bot(kind, text));
        post.op = op;
        house.hall.post(&conversation, post)
    };
    let PostedId::Entry(id) = say(PostOp::Say, "message", "old").await.unwrap().id else {
        panic!("an entry")
    };
    assert_eq!(texts(&ear.hear(1).await.0), ["old"]);
    say(PostOp::Say, "trace", "secret").await.unwrap();
    say(PostOp::Update(id), "message", "new").await.unwrap();
    let (heard, _) = ear.hear(1).await;
    assert_eq!(
        (texts(&heard), &heard[0]["id"]),
        (vec!["new"], &json!(format!("{}|0000000", talk.id)))
    );
    say(PostOp::Delete(id), "message", "x").await.unwrap();
    let (heard, watermark) = ear.hear(1).await;
    assert_eq!((&heard[0]["type"], heard[0].get("text")), (&json!("messageDelete"), None));
    assert_eq!(
        (&heard[0]["id"], watermark.as_str()),
        (&json!(format!("{}|0000000", talk.id)), "2")
    );
}

#[tokio::test]
async fn a_ticket_is_good_for_a_minute_and_for_its_conversation() {
    let house = House::new().await;
    let talk = house.talk().await;
    let url = talk.stream_url.clone().unwrap();
    assert!(url.starts_with(&format!("ws://{}/v3/directline/conversations/", house.at)));
    let _open = Ear::at(&url).await;
    let other = house.talk().await;
    assert_eq!(refused(&url.replace(&talk.id, &other.id)).await, 403);
    assert_eq!(refused(&format!("{url}x")).await, 403);
    assert_eq!(refused(url.split_once("&t=").unwrap().0).await, 403);
    // A token is no ticket.
    let ticket = url.split_once("&t=").unwrap().1;
    assert_eq!(refused(&url.replace(ticket, &talk.token)).await, 403);
    assert_eq!(refused(&url.replace("watermark=-", "watermark=x")).await, 400);
    house.clock.by_secs(61);
    assert_eq!(refused(&url).await, 403);
    let path = format!("/v3/{}", url.split_once("/v3/").unwrap().1);
    assert_eq!(house.send(Request::get(&path)).await.refusal(), (403, "BadArgument".to_owned()));
    let again = Talk::of(&house, &talk.reconnect("").await);
    let _open = Ear::of(&again).await;
}

#[tokio::test]
async fn sockets_are_taken_up_to_the_limit_and_again_when_one_leaves() {
    let house = House::with(json!({"sockets_per_conversation_max":2})).await;
    let talk = house.talk().await;
    let url = talk.stream_url.clone().unwrap();
    let (mut first, _second) = (Ear::of(&talk).await, Ear::of(&talk).await);
    assert_eq!(refused(&url).await, 429);
    let _other = Ear::of(&house.talk().await).await;
    first.0.close(None).await.unwrap();
    while first.message().await.is_some() {}
    let retry = async {
        while connect_async(&url).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), retry).await.expect("a seat is given back");
}

#[tokio::test]
async fn an_idle_stream_gets_empty_frames() {
    let house = House::with(json!({"keep_alive_secs":1})).await;
    let talk = house.talk().await;
    let mut ear = Ear::of(&talk).await;
    assert_eq!(ear.message().await, Some(Message::text("")));
    assert_eq!(ear.message().await, Some(Message::text("")));
}

#[tokio::test]
async fn a_server_that_stops_tells_its_streams_to_come_back() {
    let house = House::new().await;
    let talk = house.talk().await;
    let mut ear = Ear::of(&talk).await;
    house.stop.cancel();
    let Some(Message::Close(Some(frame))) = ear.message().await else { panic!("a farewell") };
    assert_eq!(u16::from(frame.code), 1_012);
}
