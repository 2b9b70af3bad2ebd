//! Every recorded answer of a bot in the wild (`kakao-naver-chatflow.md` §5.3), and the list of §5.4:
//! what a user gets for it, and what the bot's owner is told.

use hyper::body::Bytes;
use serde_json::json;

use crate::house::{Got, House};
use crate::partner::{FRIEND, JSON, KEYBOARD, MESSAGE, OTHER, Reply};

/// The notice of this house.
const NO_ANSWER: &str = "no answer";

/// What a user gets, and whether the owner is told of something.
enum Expected {
    /// The answer as it is.
    Good(Got),
    /// The answer, put right.
    Mended(Got),
    /// The notice.
    Failed(&'static str),
}

use Expected::{Failed, Good, Mended};

fn html(status: u16, bytes: usize) -> Reply {
    let body = format!("<!doctype html>{}", "x".repeat(bytes - 15));
    Reply::new(status, "text/html; charset=utf-8", body)
}

/// Answers to `POST /message`.
fn messages() -> Vec<(&'static str, Reply, Expected)> {
    let said = |text: &str| Got::said(text, &[]);
    let plain = "application/json";
    let one = r#"{"message":{"text":"a"}}"#;
    let with_photo = r#"{"keyboard":{"type":"buttons","buttons":["\uac00"]},"message":{"text":"a","photo":{"height":401,"url":"http://127.0.0.1:1/p.png","width":600},"message_button":{"label":"L","url":"https://x/"}}}"#;
    let camel = r#"{"message":{"text":"hi","messageButton":{"label":"L","url":"https://x/"}},"keyboard":{"type":"buttons","buttons":["a","b"]}}"#;
    vec![
        (
            "ChatFlow Flask",
            Reply::new(200, plain, "{\"message\":{\"text\":\"\\ud648\\ubc84\\ud2bc 1\"}}\n"),
            Good(said("홈버튼 1")),
        ),
        ("Flask without content", html(500, 265), Failed("response is not OK(200) : 500")),
        ("Flask without JSON's type", html(415, 200), Failed("response is not OK(200) : 415")),
        (
            "ChatFlow Flask and its client",
            Reply::new(
                200,
                plain,
                r#"{"keyboard":{"buttons":["\uc5ec\uc790","\ub0a8\uc790"],"type":"buttons"},"message":{"message_button":null,"photo":null,"text":"\uc131\ubcc4?"}}"#,
            ),
            Good(Got::said("성별?", &["여자", "남자"])),
        ),
        (
            "Rails",
            Reply::new(200, JSON, r#"{"message":{"text":"이모지 😀"}}"#).chunked(),
            Good(said("이모지 😀")),
        ),
        (
            "Rails without content",
            Reply::new(200, JSON, r#"{"message":{"text":null}}"#),
            Failed("there is nothing in `message`"),
        ),
        ("Rails, invalid JSON", Reply::new(400, "", ""), Failed("response is not OK(200) : 400")),
        ("chatterbox", Reply::new(200, plain, with_photo), Good(Got::said("a", &["가"]))),
        ("chatterbox, unknown text", html(500, 300), Failed("response is not OK(200) : 500")),
        (
            "yellowid-flask, fields missing",
            Reply::new(400, plain, r#"{"message":{"text":"bad"},"keyboard":{"type":"text"}}"#),
            Mended(said("bad")),
        ),
        ("kakaoFlaskChat", Reply::new(200, "text/html; charset=utf-8", one), Mended(said("a"))),
        ("Django, field missing", html(500, 65_623), Failed("response is not OK(200) : 500")),
        (
            "hallazzang aiohttp",
            Reply::new(
                200,
                JSON,
                r#"{"message": {"text": "a", "message_button": {"label": "L", "url": "https://x/"}}}"#,
            ),
            Good(said("a")),
        ),
        ("PlusFriendBot", Reply::new(200, JSON, camel), Mended(Got::said("hi", &["a", "b"]))),
        ("KaKaoBot-Node, process dies", Reply::closed(), Failed("the connection broke")),
        (
            "hapi, a fourth key",
            Reply::new(
                400,
                JSON,
                r#"{"statusCode":400,"error":"Bad Request","message":"\"extra\" is not allowed"}"#,
            ),
            Failed("response is not OK(200) : 400"),
        ),
        ("Go", Reply::new(200, "text/plain; charset=utf-8", one), Mended(said("a"))),
        ("Go, empty", Reply::new(200, "", ""), Failed("response json parsing error")),
        (
            "PHP with a mark",
            Reply::new(200, "text/html; charset=UTF-8", format!("\u{feff}{one}")),
            Mended(said("a")),
        ),
        ("PHP, old mysql", html(500, 100), Failed("response is not OK(200) : 500")),
        (
            "Scala",
            Reply::json(&json!({"message": {"text": "a"}, "keyboard": {"type": "error"}})),
            Mended(said("a")),
        ),
        (
            "Spring",
            Reply::json(
                &json!({"message": {"text": "a", "photo": null, "message_button": null}, "keyboard": null}),
            ),
            Good(said("a")),
        ),
        (
            "Go and Dialogflow",
            Reply::json(&json!({"message": null, "keyboard": null})),
            Failed("there is nothing in `message`"),
        ),
        (
            "Clojure",
            Reply::json(
                &json!({"message": {"text": "a"}, "message_button": {"label": "L", "url": "https://x/"}}),
            ),
            Mended(said("a")),
        ),
        ("401", Reply::status(401), Failed("response is not OK(200) : 401")),
        (
            "429",
            Reply::status(429).with("retry-after", "1"),
            Failed("response is not OK(200) : 429"),
        ),
        ("202", Reply::new(202, JSON, ""), Failed("response is not OK(200) : 202")),
        ("202 with a message", Reply::new(202, JSON, one), Mended(said("a"))),
        ("301", Reply::redirect(301, "/elsewhere"), Failed("response is not OK(200) : 301")),
        (
            "307 with a message",
            Reply::new(307, JSON, one).with("location", "/elsewhere"),
            Failed("response is not OK(200) : 307"),
        ),
        (
            "gzip that was not asked for",
            Reply::new(200, JSON, Bytes::from_static(b"\x1f\x8b\x08\0"))
                .with("content-encoding", "gzip"),
            Failed("the answer is compressed"),
        ),
        (
            "EUC-KR",
            Reply::new(
                200,
                "application/json; charset=EUC-KR",
                Bytes::from_static(b"{\"message\":{\"text\":\"\xb0\xa1\"}}"),
            ),
            Good(said("가")),
        ),
        (
            "ASP.NET",
            Reply::json(&json!({"d": "{\"message\":{\"text\":\"a\"}}"})),
            Failed("there is nothing in `message`"),
        ),
        ("1,001 characters", Reply::text(&"가".repeat(1_001)), Mended(said(&"가".repeat(1_000)))),
        (
            "a link alone",
            Reply::json(
                &json!({"message": {"message_button": {"label": "L", "url": "https://x/"}}}),
            ),
            Good(Got { text: None, choices: vec![], system: false }),
        ),
        (
            "a picture with sizes as texts",
            Reply::json(
                &json!({"message": {"text": "a", "photo": {"url": "http://127.0.0.1:1/p", "width": "137", "height": "137"}}}),
            ),
            Mended(said("a")),
        ),
        (
            "buttons of numbers",
            Reply::json(
                &json!({"message": {"text": "a"}, "keyboard": {"type": "buttons", "buttons": [1, 2]}}),
            ),
            Mended(Got::said("a", &["1", "2"])),
        ),
        (
            "buttons that are a text",
            Reply::json(
                &json!({"message": {"text": "a"}, "keyboard": {"type": "buttons", "buttons": "b"}}),
            ),
            Mended(said("a")),
        ),
        (
            "an answer beyond the limit",
            Reply::text(&"a".repeat(2_000_000)),
            Failed("the answer is longer than 1048576 bytes"),
        ),
    ]
}

#[tokio::test]
async fn every_answer_of_a_bot_in_the_wild_has_its_outcome() {
    let settings = json!({"no_answer_text": NO_ANSWER, "outage_failures": 1_000_000});
    let house = House::open(settings).await;
    let conversation = house.enter("u1").await;
    for (name, reply, expected) in messages() {
        house.pass(600);
        house.partner.then(MESSAGE, reply);
        let got = house.say(&conversation, "hi").await;
        let newest = house.reports().into_iter().next();
        let now = maru_activity::env::Clock::now(&*house.clock);
        let report = newest.filter(|report| report.last_at == now);
        match expected {
            Good(said) => {
                assert_eq!(got, [said], "{name}");
                assert_eq!(report, None, "{name}");
            }
            Mended(said) => {
                assert_eq!(got, [said], "{name}");
                assert_eq!(report.unwrap().code, None, "{name}");
            }
            Failed(why) => {
                assert_eq!(got, [Got::told(NO_ANSWER, &[])], "{name}");
                let report = report.unwrap();
                assert!(report.code.is_some(), "{name}");
                assert!(report.problem.starts_with(why), "{name}: {}", report.problem);
            }
        }
    }
}

#[tokio::test]
async fn a_partner_that_is_gone_is_answered_for() {
    let house = House::open(json!({})).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let settings = json!({"url": url, "greeting": "hello", "no_answer_text": NO_ANSWER});
    house.add_bot("b2", "web2", settings).await;
    let conversation = house.node.enter("web2", "u1").await;
    let greeted = house.node.got_since(&conversation, 0).await;
    assert_eq!(greeted, [Got::told("hello", &[])]);
    let got = house.node.say(&conversation, "hi").await;
    assert_eq!(got, [Got::told(NO_ANSWER, &[])]);
    let reports = house.node.plus_friend.reports(&crate::house::realm(), &"b2".into());
    assert_eq!(reports[0].code, Some(maru_plus_friend::Code::WrongBotUrl));
}

#[tokio::test]
async fn in_strict_mode_the_same_answers_fail_as_on_the_platform() {
    let settings =
        json!({"no_answer_text": NO_ANSWER, "outage_failures": 1_000_000, "strict": true});
    let house = House::open(settings).await;
    let conversation = house.enter("u1").await;
    let still_good = ["1,001 characters", "Clojure", "PlusFriendBot"];
    for (name, reply, expected) in messages() {
        house.partner.then(MESSAGE, reply);
        let got = house.say(&conversation, "hi").await;
        let fails = match expected {
            Good(_) => name == "EUC-KR",
            Mended(_) => !still_good.contains(&name),
            Failed(_) => true,
        };
        assert_eq!(got[0].system, fails, "{name}: {got:?}");
    }
}

#[tokio::test]
async fn every_home_keyboard_in_the_wild_has_its_outcome() {
    let house = House::open(json!({"greeting": "hello", "handoff": true})).await;
    let buttons = r#"{"type":"buttons","buttons":["자기소개","사이트로 이동하기"]}"#;
    let labels = ["자기소개", "사이트로 이동하기"];
    let long = "스물두 글자나 되는 아주 긴 버튼 이름입니다요";
    let hundred_and_one: Vec<_> = (0..101).map(|n| n.to_string()).collect();
    let hundred: Vec<_> = hundred_and_one[..100].iter().map(String::as_str).collect();
    let many = json!({"type": "buttons", "buttons": hundred_and_one}).to_string();
    for (name, replies, choices) in [
        ("Flask", vec![Reply::new(200, "application/json", "{\"type\":\"text\"}\n")], &[][..]),
        (
            "Rails",
            vec![Reply::new(200, JSON, r#"{"type":"text"}"#).with("etag", "W/\"1\"").chunked()],
            &[],
        ),
        ("chatterbox", vec![Reply::new(200, "application/json", buttons)], &labels),
        ("kakaoFlaskChat", vec![Reply::new(200, "text/html; charset=utf-8", buttons)], &labels),
        ("Django", vec![Reply::new(200, "application/json", r#"{"type": "text"}"#)], &[]),
        (
            "KaKaoBot-Node",
            vec![Reply::json(&json!({"type": "buttons", "buttons": [long]}))],
            &[long],
        ),
        (
            "wrapped",
            vec![Reply::json(&json!({"keyboard": {"type": "buttons", "buttons": ["a"]}}))],
            &["a"],
        ),
        ("PHP", vec![Reply::new(200, "text/html", format!("\u{feff}{buttons}"))], &labels),
        ("302", vec![Reply::redirect(302, "/keyboard"), Reply::new(200, JSON, buttons)], &labels),
        (
            "three redirects",
            [vec![Reply::redirect(301, "/keyboard"); 3], vec![Reply::new(200, JSON, buttons)]]
                .concat(),
            &labels,
        ),
        (
            "four redirects",
            [vec![Reply::redirect(301, "/keyboard"); 4], vec![Reply::new(200, JSON, buttons)]]
                .concat(),
            &[],
        ),
        ("to another network", vec![Reply::redirect(302, "http://169.254.169.254/keyboard")], &[]),
        ("404", vec![Reply::status(404)], &[]),
        ("an error with a body", vec![Reply::new(500, JSON, buttons)], &[]),
        ("a message of a 404 handler", vec![Reply::text("잘못된 접근입니다!")], &[]),
        ("closed", vec![Reply::closed()], &[]),
        ("101 buttons", vec![Reply::new(200, JSON, many)], &hundred),
        ("no buttons", vec![Reply::json(&json!({"type": "buttons", "buttons": null}))], &[]),
    ] {
        // What is left of the row before is not for this one.
        house.partner.forget(KEYBOARD);
        house.pass(61);
        for reply in replies {
            house.partner.then(KEYBOARD, reply);
        }
        assert_eq!(house.greeted(name).await, [Got::told("hello", choices)], "{name}");
    }
}

#[tokio::test]
async fn whatever_is_answered_to_a_new_friend_or_a_leaver_is_good() {
    use crate::partner::LEAVE;
    let house = House::open(json!({"greeting": "hello", "outage_failures": 1})).await;
    for (number, reply) in [
        Reply::new(200, JSON, ""),
        Reply::new(200, JSON, "{}"),
        Reply::json(&json!({"success": true})),
        Reply::json(&json!({"comment": "정상 응답", "message": "SUCCESS"})),
        Reply::status(404),
        Reply::status(405),
        html(500, 65_623),
        Reply::closed(),
    ]
    .into_iter()
    .enumerate()
    {
        house.partner.then(FRIEND, reply.clone());
        house.partner.then(LEAVE, reply);
        let user = format!("u{number}");
        let conversation = house.enter(&user).await;
        let end = json!({"type": "endOfConversation", "from": {"id": user}});
        let meta = maru_hall::Meta::default();
        assert_eq!(house.node.post(&conversation, end, meta).await, []);
        assert_eq!(house.say(&conversation, "hi").await, [Got::said("ok", &[])], "{number}");
    }
    assert_eq!(house.partner.calls(LEAVE).len(), 8);
    assert_eq!(house.partner.calls(OTHER).len(), 0);
    assert!(house.alerts().is_empty());
}
