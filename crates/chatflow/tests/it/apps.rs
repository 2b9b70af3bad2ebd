//! Clients, apps, their secrets and their versions.

use std::sync::Arc;

use maru_chatflow::{AppPatch, CONSENT_VERSION, Error, NewApp, User};
use maru_scenario::UserMessage;

use crate::house::{House, new_app, scenario, told};

#[tokio::test]
async fn without_consent_or_a_phone_there_is_no_app() {
    let house = House::new().await;
    let refused =
        async |new: NewApp| match house.chatflow.create_app(&house.realm, &house.client, new).await
        {
            Err(Error::Field { field, .. }) => field,
            other => panic!("{other:?}"),
        };
    assert_eq!(refused(NewApp { privacy_consent: false, ..new_app("a") }).await, "privacy_consent");
    assert_eq!(
        refused(NewApp { monitor_phone: "112".into(), ..new_app("a") }).await,
        "monitor_phone"
    );
    assert_eq!(refused(NewApp { name: " ".into(), ..new_app("a") }).await, "name");
    assert_eq!(refused(NewApp { handle: Some("a/b".into()), ..new_app("a") }).await, "handle");
    let app = &house.app;
    assert_eq!(app.consent.version, CONSENT_VERSION);
    assert_eq!(app.consent.at, app.created_at);
    assert_eq!(app.monitor_phone, "01012345678");
    let taken = house.chatflow.create_app(&house.realm, &house.client, new_app("shop")).await;
    assert_eq!(taken.unwrap_err(), Error::Taken("shop".to_owned()));
    let stranger = house.chatflow.create_app(&house.realm, "nobody", new_app("b")).await;
    assert!(matches!(stranger.unwrap_err(), Error::Unknown { what: "client", .. }));
    let made_up = NewApp { handle: None, ..new_app("") };
    let made_up = house.chatflow.create_app(&house.realm, &house.client, made_up).await.unwrap();
    assert!(made_up.record.handle.len() == 10, "{}", made_up.record.handle);
    assert_eq!(house.chatflow.apps(&house.realm).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_caller_needs_both_secrets_and_a_stranger_learns_nothing() {
    let house = House::new().await;
    let other = house.chatflow.sign_up(&house.realm, "Another").await.unwrap();
    let (client, app) = (house.client_id.as_str(), house.app_id.as_str());
    let others = other.secret.expose();
    for (client, app) in
        [(others, app), (app, client), (client, client), ("", ""), (client, "x"), ("x", app)]
    {
        let error = house.chatflow.caller(client, app).await.unwrap_err();
        assert_eq!(error, Error::UnknownCaller);
    }
    assert!(house.chatflow.caller(client, app).await.is_ok());
}

#[tokio::test]
async fn secrets_change_with_an_overlap_of_two() {
    let house = House::new().await;
    let realm = &house.realm;
    let works = async |client: &str, app: &str| house.chatflow.caller(client, app).await.is_ok();
    let first = house.app_id.clone();
    let second = house.chatflow.rotate_app(realm, "shop").await.unwrap();
    let second = second.secret.expose().to_owned();
    assert!(works(&house.client_id, &first).await && works(&house.client_id, &second).await);
    let third = house.chatflow.rotate_app(realm, "shop").await.unwrap();
    let third = third.secret.expose().to_owned();
    assert!(!works(&house.client_id, &first).await);
    assert!(works(&house.client_id, &second).await && works(&house.client_id, &third).await);
    house.chatflow.retire_app_secret(realm, "shop").await.unwrap();
    assert!(!works(&house.client_id, &second).await && works(&house.client_id, &third).await);

    let next = house.chatflow.rotate_client(realm, &house.client).await.unwrap();
    let next = next.secret.expose().to_owned();
    assert!(works(&house.client_id, &third).await && works(&next, &third).await);
    house.chatflow.retire_client_secret(realm, &house.client).await.unwrap();
    assert!(!works(&house.client_id, &third).await && works(&next, &third).await);

    // Nothing of them is kept as it is.
    for scope in ["chatflow/client", "chatflow/app"] {
        for state in house.store.states(realm, scope, None, 10).await.unwrap().items {
            let kept = String::from_utf8_lossy(&state.value).into_owned();
            for secret in [&third, &next] {
                let (_, random) = secret.split_once('.').unwrap();
                assert!(!kept.contains(random));
            }
        }
    }
}

#[tokio::test]
async fn sessions_stay_with_their_version_and_new_ones_have_the_live_one() {
    let house = House::new().await;
    let (early, late) = (User::api("early"), User::api("late"));
    house.says(&early, "Order").await;
    let mut file = scenario();
    file["nodes"]["again"]["message"]["text"] = "{{slot.menu}}, gladly".into();
    assert_eq!(house.publish(&file).await, 2);
    house.says(&late, "Order").await;
    assert_eq!(house.says(&early, "Tea").await, "Tea it is = again");
    assert_eq!(house.says(&late, "Tea").await, "Tea, gladly = again");
    house.wait(300_001);
    house.says(&early, "Order").await;
    assert_eq!(house.says(&early, "Tea").await, "Tea, gladly = again");

    house.chatflow.roll_back(&house.realm, "shop", 1).await.unwrap();
    let third = User::api("third");
    house.says(&third, "Order").await;
    assert_eq!(house.says(&third, "Tea").await, "Tea it is = again");
    assert_eq!(house.publish(&scenario()).await, 3, "a number never means anything else");
    let gone = house.chatflow.roll_back(&house.realm, "shop", 9).await;
    assert!(matches!(gone.unwrap_err(), Error::Unknown { what: "version", .. }));

    let live = house.chatflow.remove_version(&house.realm, "shop", 3).await;
    assert!(matches!(live.unwrap_err(), Error::Field { field: "version", .. }));
    house.chatflow.remove_version(&house.realm, "shop", 2).await.unwrap();
    assert_eq!(house.says(&early, "Back").await, "Hello guest = start (scenario_changed)");
    let file = house.chatflow.version_file(&house.realm, "shop", 1).await.unwrap();
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&file).unwrap(), scenario());
}

#[tokio::test]
async fn a_version_that_another_node_published_just_now_is_found() {
    let house = House::new().await;
    let other = house.node().await;
    let stale = other.app(&house.realm, "shop").await.unwrap();
    let mut file = scenario();
    file["nodes"]["again"]["message"]["text"] = "{{slot.menu}}, gladly".into();
    house.publish(&file).await;
    let user = User::api("u1");
    house.says(&user, "Order").await;
    let said = UserMessage::text("Tea");
    let answer = other.message(&stale, &user, said, None).await.unwrap();
    assert_eq!(told(&answer), "Tea, gladly = again");
}

#[tokio::test]
async fn an_app_without_a_version_says_so_and_a_lost_version_alerts() {
    let house = House::new().await;
    let bare = Arc::new(house.add_app("bare").await.record);
    let user = User::api("u1");
    let said = || UserMessage::text("x");
    let error = house.chatflow.message(&bare, &user, said(), None).await.unwrap_err();
    assert_eq!(error, Error::NotPublished);
    let draft = house.chatflow.publish(&house.realm, "bare", "").await.unwrap_err();
    assert!(matches!(draft, Error::Unknown { what: "draft", .. }));

    let key = format!("{}/{:010}", house.app.id, 1);
    let gone = maru_hall::StateWrite::delete("chatflow/version", key);
    house.hall.write(&house.realm, vec![gone], Vec::new()).await.unwrap();
    let house = house.reopen().await;
    for _ in 0..2 {
        assert_eq!(house.say(&user, "x").await.unwrap_err(), Error::Unloadable { version: 1 });
    }
    assert_eq!(house.alerts().await, ["raised chatflow/shop/unloadable 01012345678"]);
}

#[tokio::test]
async fn an_apps_information_can_be_changed() {
    let house = House::new().await;
    let patch = AppPatch { monitor_phone: Some("+82 2 123 4567".into()), ..AppPatch::default() };
    let app = house.chatflow.change_app(&house.realm, "shop", patch).await.unwrap();
    assert_eq!((app.monitor_phone.as_str(), app.name.as_str()), ("+8221234567", "A shop"));
    let bad = AppPatch { monitor_phone: Some("x".into()), ..AppPatch::default() };
    assert!(house.chatflow.change_app(&house.realm, "shop", bad).await.is_err());
    assert_eq!(house.chatflow.test_alert(&house.realm, "shop").await.unwrap(), ["command"]);
    assert_eq!(house.alerts().await, ["test test +8221234567"]);
}

#[tokio::test]
async fn an_app_goes_with_its_users_places_and_what_was_said_stays() {
    let house = House::new().await;
    let other = Arc::new(house.add_app("other").await.record);
    house.chatflow.put_draft(&house.realm, "other", scenario().to_string().into()).await.unwrap();
    house.chatflow.publish(&house.realm, "other", "").await.unwrap();
    let user = User::api("u1");
    let other = house.chatflow.app(&house.realm, &other.handle).await.unwrap();
    house.chatflow.message(&other, &user, UserMessage::text("Order"), None).await.unwrap();
    // More than are read at once, and a tester.
    for number in 0..501 {
        house.says(&User::api(&format!("u{number}")), "Order").await;
    }
    let app = house.app_now().await;
    let tester = User::test("t");
    house.chatflow.init(&app, &tester, None).await.unwrap();
    let busy = house.chatflow.remove_client(&house.realm, &house.client).await;
    assert!(matches!(busy.unwrap_err(), Error::Used { what: "client", .. }));

    assert_eq!(house.chatflow.remove_app(&house.realm, "shop").await.unwrap(), 502);
    let gone = house.chatflow.caller(&house.client_id, &house.app_id).await.unwrap_err();
    assert_eq!(gone, Error::UnknownCaller);
    assert!(matches!(house.chatflow.app(&house.realm, "shop").await, Err(Error::Unknown { .. })));
    let said = house.hall.conversations(&house.realm, Some(&"shop".into()), None, 1).await.unwrap();
    assert_eq!(said.items.len(), 1, "the log is none of it");
    assert!(house.chatflow.state(&other, &user).await.is_ok(), "another app's place is none of it");
    for scope in ["chatflow/draft", "chatflow/version", "chatflow/handle"] {
        let left = house.store.states(&house.realm, scope, None, 10).await.unwrap().items;
        assert!(left.iter().all(|left| !left.key.contains(&*app.id)) && left.len() == 1, "{scope}");
    }

    // The handle is free, and whoever comes back is not known.
    house.add_app("shop").await;
    house.publish(&scenario()).await;
    assert_eq!(house.says(&user, "Order").await, "Which? = menu (new)");
    for app in ["shop", "other"] {
        house.chatflow.remove_app(&house.realm, app).await.unwrap();
    }
    house.chatflow.remove_client(&house.realm, &house.client).await.unwrap();
    assert_eq!(house.chatflow.clients(&house.realm).await.unwrap(), []);
    let system = maru_accounts::SYSTEM_REALM.into();
    let secrets = house.store.states(&system, "chatflow/secret", None, 9).await.unwrap();
    assert_eq!(secrets.items.len(), 0);
}
