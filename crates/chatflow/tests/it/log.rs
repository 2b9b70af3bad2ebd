//! What the log keeps of users of the API, and forgetting them.

use maru_activity::{Role, Viewer};
use maru_chatflow::{Asked, ChatFlow, Error, User};
use maru_hall::{Place, Whom};
use maru_scenario::{Input, Patch, UserMessage};
use serde_json::{Map, Value, json};

use crate::house::{House, scenario, told};

/// Every entry of the only conversation, for agents' eyes: its role, its turn, and its body.
async fn logged(house: &House) -> Vec<(Role, Option<u64>, Value)> {
    let page = house.hall.conversations(&house.realm, None, None, 10).await.unwrap();
    let [only] = &page.items[..] else { panic!("{} conversations", page.items.len()) };
    let id = &only.conversation.id;
    let entries = house.store.read(&house.realm, id, Viewer::Agent, Place::Seq(0), 100).await;
    let entries = entries.unwrap().into_iter().map(|entry| {
        let body = serde_json::from_slice(&entry.body).unwrap_or(Value::Null);
        (entry.role, entry.turn, body)
    });
    entries.collect()
}

#[tokio::test]
async fn each_user_is_a_conversation_with_everything_that_was_said() {
    let house = House::new().await;
    let user = User::api("사용자/1");
    house.says(&user, "Order").await;
    house.says(&user, "Tea").await;
    let logged = logged(&house).await;
    let texts: Vec<(Role, Option<u64>, &str)> = logged
        .iter()
        .map(|(role, turn, body)| (*role, *turn, body["text"].as_str().unwrap()))
        .collect();
    assert_eq!(
        texts,
        [
            (Role::User, Some(0), "Order"),
            (Role::Bot, Some(0), "Which?"),
            (Role::User, Some(2), "Tea"),
            (Role::Bot, Some(2), "Tea it is"),
        ]
    );
    assert_eq!(logged[0].2["from"]["id"], "사용자/1");
    let actions = &logged[1].2["suggestedActions"]["actions"];
    assert_eq!(actions[1], json!({"type": "imBack", "title": "Tea", "value": "Tea"}));
    let channel = "chatflow.shop".into();
    let found = house.hall.conversations_of(&house.realm, &channel, "사용자/1", 10).await;
    assert_eq!(found.unwrap().len(), 1);
}

#[tokio::test]
async fn personal_data_stays_out_of_the_log_and_the_consent_gets_in() {
    let mut file = scenario();
    file["slots"]["phone"] = json!({"type": "phone", "sensitive": true, "consent": "call"});
    file["consents"] = json!({"call": {
        "version": "7", "text": "May we call you?", "agree": "Yes", "decline": "No",
        "on_declined": "start",
    }});
    file["nodes"]["start"]["choices"][1] = json!({"label": "Call me", "to": "phone"});
    file["nodes"]["phone"] = json!({"type": "slot", "slot": "phone", "message": {"text": "Your number?"}, "to": "count"});
    let house = House::with(&file).await;
    let user = User::api("u1");
    house.says(&user, "Call me").await;
    assert_eq!(house.says(&user, "Yes").await, "Your number? = phone");
    house.says(&user, "010-9999-8888").await;
    let logged = logged(&house).await;
    let said: Vec<&Value> =
        logged.iter().filter(|(role, ..)| *role == Role::User).map(|(.., body)| body).collect();
    // Somebody may have said their number already.
    assert_eq!(said[1]["text"], "***");
    assert_eq!(said[2]["name"], "chatflow.consent");
    let consent = &said[2]["value"];
    assert_eq!((&consent["version"], &consent["agreed"]), (&json!("7"), &json!(true)));
    assert_eq!(said[3]["text"], "***");
    assert!(logged.iter().all(|(.., body)| !body.to_string().contains("9999")));
    let state = house.chatflow.state(&house.app, &user).await.unwrap();
    assert!(state.history.iter().all(|past| !past.content.contains("9999")));
}

#[tokio::test]
async fn a_handoff_is_an_event_that_names_the_group() {
    let house = House::new().await;
    let answer = house.say(&User::api("u1"), "human").await.unwrap();
    let handed = answer.handoff.as_ref().unwrap();
    assert_eq!((handed.node.as_str(), handed.group.as_deref()), ("human", Some("shop")));
    assert!(answer.turn.get().contains(r#""handoff":{"node":"human","group":"shop"}"#));
    let (role, _, event) = logged(&house).await.pop().unwrap();
    assert_eq!((role, &event["name"]), (Role::Bot, &json!("handoff.initiate")));
}

#[tokio::test]
async fn a_forgotten_user_has_left_nothing() {
    let house = House::new().await;
    let (app, user) = (house.app_now().await, User::api("u1"));
    let said = UserMessage::text("Order");
    house.chatflow.message(&app, &user, said.clone(), Some("m1")).await.unwrap();
    house.chatflow.forget(&app, &user).await.unwrap();
    assert_eq!(house.chatflow.state(&app, &user).await.unwrap_err(), Error::NoState);
    assert_eq!(house.chatflow.forget(&app, &user).await.unwrap_err(), Error::NoState);
    assert!(logged(&house).await.iter().all(|(.., body)| body.is_null()));
    let again = house.chatflow.message(&app, &user, said, Some("m1")).await.unwrap();
    assert!(!again.repeated);
    assert_eq!(told(&again), "Which? = menu (new)");
}

#[tokio::test]
async fn a_damaged_place_is_never_overwritten_and_can_be_forgotten() {
    let house = House::new().await;
    let (app, user) = (house.app_now().await, User::api("u1"));
    house.says(&user, "Order").await;
    let scope = format!("chatflow/user/{}", app.id);
    let places = async || house.store.states(&house.realm, &scope, None, 2).await.unwrap().items;
    let kept = places().await.remove(0);
    let put = async |value: bytes::Bytes| {
        let write = maru_hall::StateWrite::put(&*scope, kept.key.as_str(), value);
        house.hall.write(&house.realm, vec![write], Vec::new()).await.unwrap();
    };
    for damaged in [&b"{\"v\":1,\"node\":\"secret\"}"[..], b"", b"\xff"] {
        put(damaged.into()).await;
        let Err(Error::Internal(cause)) = house.say(&user, "Tea").await else {
            unreachable!("it cannot be read");
        };
        assert!(!cause.contains("secret"), "{cause}");
        assert!(matches!(house.chatflow.init(&app, &user, None).await, Err(Error::Internal(_))));
        assert_eq!(places().await[0].value, damaged);
    }
    // What a later version wrote is not this one's to judge.
    put(b"{\"v\":99}"[..].into()).await;
    assert!(matches!(house.say(&user, "Tea").await, Err(Error::Unavailable(_))));
    put(kept.value.clone()).await;
    assert_eq!(house.says(&user, "Tea").await, "Tea it is = again", "nothing was lost");
    put(b"x"[..].into()).await;
    house.chatflow.forget(&app, &user).await.unwrap();
    assert_eq!(house.says(&user, "Order").await, "Which? = menu (new)");
}

#[tokio::test]
async fn an_operator_who_erases_a_participant_erases_their_place_too() {
    let house = House::new().await;
    let (app, user) = (house.app_now().await, User::api("u1"));
    house.says(&user, "Order").await;
    let stranger = Whom::Participant("web".into(), "u1".to_owned());
    house.chatflow.erased(&house.realm, &stranger).await.unwrap();
    assert!(house.chatflow.state(&app, &user).await.is_ok());
    let whom = Whom::Participant(ChatFlow::channel(&app), "u1".to_owned());
    for _ in 0..2 {
        house.chatflow.erased(&house.realm, &whom).await.unwrap();
    }
    assert_eq!(house.chatflow.state(&app, &user).await.unwrap_err(), Error::NoState);
}

#[tokio::test]
async fn a_place_can_be_read_and_changed_from_outside() {
    let house = House::new().await;
    let (app, user) = (house.app_now().await, User::api("u1"));
    assert_eq!(house.chatflow.state(&app, &user).await.unwrap_err(), Error::NoState);
    let none = house.chatflow.patch(&app, &user, Patch::default()).await;
    assert_eq!(none.unwrap_err(), Error::NoState);
    house.says(&user, "Order").await;
    let slots = |value: Value| value.as_object().cloned().unwrap_or_default();
    let patch = |value: Value, node: Option<&str>| Patch {
        slots: slots(value),
        node: node.map(str::to_owned),
    };
    let change = patch(json!({"nickname": "Min", "menu": "Tea"}), Some("again"));
    let state = house.chatflow.patch(&app, &user, change).await.unwrap();
    assert_eq!((state.id.as_str(), state.session.info.turn), ("again", 1));
    assert_eq!(state.slot, slots(json!({"nickname": "Min", "menu": "Tea"})));
    assert_eq!(house.says(&user, "Back").await, "Hello Min = start (moved)");
    let state =
        house.chatflow.patch(&app, &user, patch(json!({"menu": null}), None)).await.unwrap();
    assert_eq!(state.slot, slots(json!({"nickname": "Min"})));
    let wrong =
        house.chatflow.patch(&app, &user, patch(json!({"menu": "Beer", "x": 1}), None)).await;
    let Err(Error::Values(wrong)) = wrong else { panic!("{wrong:?}") };
    let paths: Vec<&str> = wrong.iter().map(|wrong| wrong.path.as_str()).collect();
    assert_eq!(paths, ["/slot/menu", "/slot/x"]);
    let nowhere = house.chatflow.patch(&app, &user, patch(json!({}), Some("x"))).await;
    assert_eq!(nowhere.unwrap_err(), Error::UnknownNode("x".to_owned()));
    house.wait(300_001);
    assert_eq!(house.says(&user, "hi").await, "Hello Min = start (timeout)", "it is carried over");
}

#[tokio::test]
async fn a_user_can_be_put_at_a_node_and_keys_have_their_bounds() {
    let house = House::new().await;
    let (app, user) = (house.app_now().await, User::api("u1"));
    let there = house.chatflow.init(&app, &user, Some("menu")).await.unwrap();
    assert_eq!(told(&there), "Which? = menu (moved)");
    let nowhere = house.chatflow.init(&app, &user, Some("x")).await.unwrap_err();
    assert_eq!(nowhere, Error::UnknownNode("x".to_owned()));
    for key in ["", "a\nb", &"k".repeat(257)] {
        let error = house.chatflow.init(&app, &User::api(key), None).await.unwrap_err();
        assert!(matches!(error, Error::Field { field: "user_key", .. }), "{key}");
    }
    let variables = Map::from_iter([("name".to_owned(), json!("Kim"))]);
    let said = UserMessage { variables, ..UserMessage::text("hi") };
    let input = Input::Message(said);
    house.chatflow.turn(&app, &user, input, Asked::default()).await.unwrap();
    assert_eq!(house.chatflow.state(&app, &user).await.unwrap().var["name"], "Kim");
}
