//! People and numbers by the command line, and what a fresh realm has of them.

use maru_testkit::{Answer, TestServer, call};
use serde_json::{Value, json};

use crate::MARU;

/// Tries to sign in.
async fn sign_in(server: &TestServer, name: &str, password: &str) -> Answer {
    let url = format!("{}/agent/api/session", server.url());
    let headers = [("origin", server.url()), ("content-type", "application/json")];
    let body = json!({ "name": name, "password": password }).to_string();
    call("POST", &url, &headers, body).await
}

/// The code with which a verb fails.
async fn code(server: &TestServer, arguments: &[&str], input: &str) -> Option<i32> {
    server.run(arguments, input).await.status.code()
}

#[tokio::test]
async fn people_are_let_in_changed_and_shut_out() {
    let server = TestServer::start(MARU).await;
    let made = server.json(&["person", "add", "Ara", "--name", "아라", "--dn", "3009"]).await;
    assert_eq!((&made["login"], &made["roles"]), (&json!("ara"), &json!(["agent"])));
    let password = made["password"].as_str().unwrap();
    assert_eq!(password.len(), 20);
    let answer = sign_in(&server, "ara", password).await;
    assert_eq!((answer.status, &answer.json()["dn"]), (200, &json!("3009")));
    assert_eq!(code(&server, &["person", "add", "ARA"], "").await, Some(5));
    assert_eq!(code(&server, &["person", "add", "no login"], "").await, Some(2));
    assert_eq!(code(&server, &["person", "set", "ara"], "").await, Some(2));
    assert_eq!(code(&server, &["person", "show", "nobody"], "").await, Some(3));

    // A password of their own comes by a file, and never by the command line.
    let arguments = ["person", "password", "ara", "--password-file", "-"];
    assert_eq!(code(&server, &arguments, "short\n").await, Some(2));
    assert_eq!(code(&server, &arguments, "her own good one\n").await, Some(0));
    assert_eq!(sign_in(&server, "ara", password).await.status, 401);
    assert_eq!(sign_in(&server, "ara", "her own good one").await.status, 200);

    let roles = ["person", "set", "ara", "--role", "lead", "--role", "agent", "--dn", ""];
    let changed = server.json(&roles).await;
    assert_eq!((&changed["roles"], &changed["dn"]), (&json!(["agent", "lead"]), &Value::Null));
    server.json(&["person", "disable", "ara"]).await;
    assert_eq!(sign_in(&server, "ara", "her own good one").await.status, 401);
    server.json(&["person", "enable", "ara"]).await;
    assert_eq!(sign_in(&server, "ara", "her own good one").await.status, 200);
    let shown = server.json(&["person", "list"]).await.to_string();
    assert!(shown.contains("아라") && !shown.contains("argon2"), "{shown}");
    server.json(&["person", "remove", "ara"]).await;
    assert_eq!(sign_in(&server, "ara", "her own good one").await.status, 401);
    for secret in [password, "her own good one"] {
        assert!(!server.log().contains(secret), "no password is in the log");
    }
}

#[tokio::test]
async fn numbers_are_made_put_together_and_taken_away() {
    let server = TestServer::start(MARU).await;
    for arguments in [
        &["dn", "add", "4001", "--kind", "agent", "--name", "Ara"][..],
        &["dn", "add", "4000", "--kind", "group", "--member", "4001", "--set", "queue_max=7"],
        &["dn", "add", "4105", "--kind", "virtual", "--bot", "echo", "--group", "4000"],
        &["dn", "add", "help", "--kind", "alias", "--to", "4000"],
    ] {
        server.json(arguments).await;
    }
    for (arguments, fails) in [
        (&["dn", "add", "4001", "--kind", "agent"][..], 5),
        (&["dn", "add", "40 01", "--kind", "agent"], 2),
        (&["dn", "add", "4106", "--kind", "virtual", "--bot", "nobody"], 3),
        (&["dn", "set", "4000", "colour=red"], 2),
        (&["dn", "set", "4000", "kind=agent"], 2),
        (&["dn", "set", "4000", "overflow=4000"], 2),
        (&["dn", "remove", "4001"], 5),
        (&["dn", "remove", "4999"], 3),
        (&["desk", "set", "ring_secs=0"], 2),
    ] {
        assert_eq!(code(&server, arguments, "").await, Some(fails), "{arguments:?}");
    }
    let changed = server.json(&["dn", "set", "4000", "policy=round_robin", "name=Help"]).await;
    assert_eq!((&changed["policy"], &changed["queue_max"]), (&json!("round_robin"), &json!(7)));
    server.json(&["dn", "join", "4000", "3001", "--rank", "2"]).await;
    let left = server.json(&["dn", "leave", "4000", "4001"]).await;
    assert_eq!(left["members"], json!([{ "dn": "3001", "rank": 2 }]));
    server.json(&["dn", "remove", "4001"]).await;
    let set = server.json(&["desk", "set", "ring_secs=30"]).await;
    assert_eq!((&set["ring_secs"], &set["default_group"]), (&json!(30), &json!("3000")));
}

#[tokio::test]
async fn a_file_makes_numbers_that_name_each_other_and_the_people_behind_them() {
    let server = TestServer::start(MARU).await;
    let file = server.folder().join("desk.toml");
    let text = "[[dn]]\nkind = 'alias'\ndn = 'help'\nto = '4000'\n\
                [[dn]]\nkind = 'group'\ndn = '4000'\nname = 'Help'\nmembers = [{ dn = '4001' }]\n\
                [[dn]]\nkind = 'agent'\ndn = '4001'\nname = 'Ara'\noverflow = '4000'\n\
                [[person]]\nlogin = 'ara'\nname = 'Ara'\ndn = '4001'\npassword = 'a good password'\n\
                [[person]]\nlogin = 'bora'\ndn = '4001'\n";
    std::fs::write(&file, text).unwrap();
    let apply = ["apply", "-f", file.to_str().unwrap()];
    let changes = |answer: &Value| -> Vec<String> {
        let applied = answer["applied"].as_array().unwrap().iter();
        applied.map(|made| made["change"].as_str().unwrap().to_owned()).collect()
    };
    let first = server.json(&apply).await;
    assert_eq!(changes(&first), ["created"; 5], "{first}");
    let bora = first["applied"][4]["secrets"][0].as_str().unwrap();
    assert!(first["applied"][3]["secrets"].is_null(), "hers was given");
    assert_eq!(sign_in(&server, "ara", "a good password").await.status, 200);
    assert_eq!(sign_in(&server, "bora", bora).await.status, 200);
    assert_eq!(changes(&server.json(&apply).await), ["unchanged"; 5]);
    std::fs::write(&file, text.replace("name = 'Help'", "name = 'Us'")).unwrap();
    let again = changes(&server.json(&apply).await);
    assert_eq!(again.iter().filter(|change| *change == "changed").count(), 1, "{again:?}");
    assert_eq!(sign_in(&server, "bora", bora).await.status, 200, "passwords stay");
}

#[tokio::test]
async fn a_fresh_realm_has_a_desk_with_agents_who_can_sign_in() {
    let server = TestServer::start(MARU).await;
    let agents = server.facts()["agents"].as_array().unwrap().clone();
    assert_eq!(agents.iter().map(|agent| &agent["dn"]).collect::<Vec<_>>(), ["3001", "3002"]);
    for agent in &agents {
        let (name, password) =
            (agent["name"].as_str().unwrap(), agent["password"].as_str().unwrap());
        assert_eq!(sign_in(&server, name, password).await.json()["dn"], agent["dn"]);
        assert!(!server.log().contains(password));
    }
    let dns = server.json(&["dn", "list"]).await;
    let dns: Vec<&Value> = dns["dns"].as_array().unwrap().iter().map(|dn| &dn["dn"]).collect();
    assert_eq!(dns, ["3000", "3001", "3002", "3105"]);
}
