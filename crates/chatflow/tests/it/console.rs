//! The test console.

use std::collections::BTreeMap;
use std::time::Duration;

use maru_chatflow::{Error, Mock, TestAct, TestRun, TestVersion, Tested, User};
use maru_scenario::{Event, UserMessage};
use serde_json::json;

use crate::house::{House, scenario};
use crate::webhooks::Server;

fn run(version: TestVersion, act: TestAct) -> TestRun {
    TestRun {
        user_key: "t1".to_owned(),
        act,
        version,
        now: None,
        mocks: BTreeMap::new(),
        live: false,
    }
}

fn say(text: &str) -> TestAct {
    TestAct::Say(UserMessage::text(text))
}

async fn test(house: &House, run: TestRun) -> Result<Tested, Error> {
    house.chatflow.test(&house.realm, "shop", run).await
}

#[tokio::test]
async fn a_draft_is_tried_with_a_trace_and_touches_nobody_else() {
    let house = House::new().await;
    house.says(&User::api("t1"), "Order").await;
    let mut file = scenario();
    file["nodes"]["start"]["message"]["text"] = "A new greeting".into();
    house.draft(&file).await;
    let tested = test(&house, run(TestVersion::Draft, TestAct::Init(None))).await.unwrap();
    assert_eq!(tested.turn.message.text, "A new greeting");
    assert_eq!(tested.state.id, "start");
    let tested = test(&house, run(TestVersion::Draft, say("Order"))).await.unwrap();
    assert!(tested.trace.iter().any(|line| line.event == Event::Enter && line.node == "menu"));
    let tested = test(&house, run(TestVersion::Draft, say("Tea"))).await.unwrap();
    let changed = tested.trace.iter().find(|line| !line.slot_diff.is_empty()).unwrap();
    assert_eq!(changed.slot_diff["menu"], "Tea");

    let old = test(&house, run(TestVersion::Published(1), TestAct::Init(None))).await.unwrap();
    assert_eq!(old.turn.message.text, "Hello guest");
    let gone = test(&house, run(TestVersion::Published(9), say("x"))).await.unwrap_err();
    assert!(matches!(gone, Error::Unknown { what: "version", .. }));
    assert_eq!(house.says(&User::api("t1"), "Tea").await, "Tea it is = again");
    let numbers = house.chatflow.numbers(&house.realm, "shop").await.unwrap();
    assert_eq!(numbers.turns, 2, "the console's are not among them");
    let logged = house.hall.conversations(&house.realm, None, None, 10).await.unwrap();
    assert_eq!(logged.items.len(), 1, "and not in the log");
}

#[tokio::test]
async fn the_tester_says_what_time_it_is_and_what_webhooks_answer() {
    let server = Server::start().await;
    let house = House::new().await;
    let mut file = scenario();
    file["webhooks"] = json!({"stock": {"url": server.url("/stock")}});
    file["nodes"]["menu"]["to"] = "ask".into();
    file["nodes"]["ask"] =
        json!({"type": "webhook", "webhook": "stock", "to": "again", "on_error": "sorry2"});
    file["nodes"]["sorry2"] =
        json!({"type": "message", "message": {"text": "No stock"}, "to": "start"});
    house.draft(&file).await;
    let now = house.hall.env().now();
    let order = || TestRun { now: Some(now), ..run(TestVersion::Draft, say("Order")) };
    test(&house, order()).await.unwrap();
    let mock = Mock { status: 200, body: json!({"message": {"text": "Plenty"}}) };
    let mocks = BTreeMap::from([("stock".to_owned(), mock)]);
    let later = now.after(Duration::from_secs(300));
    let tea = TestRun { now: Some(later), mocks, ..run(TestVersion::Draft, say("Tea")) };
    let tested = test(&house, tea).await.unwrap();
    assert_eq!(tested.turn.messages[0].text, "Plenty");
    assert!(tested.webhooks[0].mocked && tested.webhooks[0].outcome == "200");
    assert_eq!(tested.webhooks[0].body.as_ref().unwrap()["slot"]["menu"], "Tea");

    let begin = || run(TestVersion::Draft, TestAct::Init(None));
    test(&house, begin()).await.unwrap();
    test(&house, run(TestVersion::Draft, say("Order"))).await.unwrap();
    let tested = test(&house, run(TestVersion::Draft, say("Tea"))).await.unwrap();
    assert_eq!(tested.webhooks[0].outcome, "not mocked");
    assert_eq!(tested.turn.messages[0].text, "No stock");
    assert!(server.heard().is_empty());

    test(&house, begin()).await.unwrap();
    test(&house, run(TestVersion::Draft, say("Order"))).await.unwrap();
    let live = TestRun { live: true, ..run(TestVersion::Draft, say("Tea")) };
    assert_eq!(test(&house, live).await.unwrap().turn.messages[0].text, "There are 3");
    assert_eq!(server.heard().len(), 1);

    let over = now.after(Duration::from_millis(900_001));
    test(&house, TestRun { now: Some(now), ..begin() }).await.unwrap();
    let tested = test(&house, TestRun { now: Some(over), ..run(TestVersion::Draft, say("x")) });
    let restarted = tested.await.unwrap().turn.session.restarted;
    assert_eq!(restarted, Some(maru_scenario::Restart::Timeout));
}

#[tokio::test]
async fn a_draft_with_errors_is_kept_and_not_played() {
    let house = House::new().await;
    let mut file = scenario();
    file["nodes"]["start"]["choices"][0]["to"] = "nowhere".into();
    let file = file.to_string();
    let checked =
        house.chatflow.put_draft(&house.realm, "shop", file.clone().into()).await.unwrap();
    assert!(!checked.valid);
    assert_eq!(house.chatflow.draft(&house.realm, "shop").await.unwrap(), file.as_bytes());
    let error = test(&house, run(TestVersion::Draft, say("x"))).await.unwrap_err();
    let Error::Invalid(issues) = error else { panic!("{error}") };
    assert_eq!(issues[0].pointer, "/nodes/start/choices/0/to");
    let error = house.chatflow.publish(&house.realm, "shop", "").await.unwrap_err();
    assert!(matches!(error, Error::Invalid(_)));
}
