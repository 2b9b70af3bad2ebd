//! The transcripts in `tests/golden/`: what each generation of the SDKs sends, and what it is
//! answered, over a real socket.
//!
//! `start` is the body of `rtm/start`; `>` a text frame of the client, `b` a binary one; `<` the next
//! frame of the server, of which the members that are written must be there; `=` the same, and no
//! others.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use crate::house::House;
use crate::wire::Wire;

/// Plays a transcript against a house of its own.
async fn play(name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let text = fs::read_to_string(folder.join(format!("{name}.txt"))).unwrap();
    let house = House::new().await;
    let token = house.grant("kim@example.org").await;
    let mut wire = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.replace("$BOT", &house.app.bot_id);
        let Some((verb, rest)) = line.split_once(' ') else { continue };
        let json = || serde_json::from_str::<Value>(rest).unwrap();
        let place = format!("{name}, line {}", number + 1);
        match (verb, &mut wire) {
            ("#", _) => {}
            ("start", _) => wire = Some(Wire::at(&house.start_as(&token, &json()).await).await),
            (">", Some(wire)) => wire.send_message(Message::text(rest)).await,
            ("b", Some(wire)) => {
                wire.send_message(Message::binary(rest.as_bytes().to_vec())).await;
            }
            ("<", Some(wire)) => {
                let frame = wire.frame().await;
                assert!(holds(&frame, &json()), "{place}: {frame}");
            }
            ("=", Some(wire)) => assert_eq!(wire.frame().await, json(), "{place}"),
            _ => panic!("{place}: {line}"),
        }
    }
    // And nothing more.
    let rest = wire.unwrap().everything(&house).await;
    assert_eq!(rest, Vec::<Value>::new(), "{name}");
}

/// Whether everything that `wanted` names is in `frame`.
fn holds(frame: &Value, wanted: &Value) -> bool {
    match (frame, wanted) {
        (Value::Object(frame), Value::Object(wanted)) => wanted
            .iter()
            .all(|(name, wanted)| frame.get(name).is_some_and(|frame| holds(frame, wanted))),
        (Value::Array(frame), Value::Array(wanted)) => {
            frame.len() == wanted.len() && frame.iter().zip(wanted).all(|(f, w)| holds(f, w))
        }
        (frame, wanted) => frame == wanted,
    }
}

#[tokio::test]
async fn every_generation_is_answered_as_it_expects() {
    for name in ["seed", "web-v1", "web-v2", "web-v3", "ios", "android", "react-native"] {
        play(name).await;
    }
}
