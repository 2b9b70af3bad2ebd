//! Secrets of records: shown once, replaced one at a time, taken from operators, told to nobody.

use maru_testkit::{TestServer, call};
use serde_json::{Value, json};

use crate::MARU;

async fn refused(server: &TestServer, arguments: &[&str]) -> String {
    let output = server.run(arguments, "").await;
    assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The status of a grant that is signed here, by the app's own issuer, with this secret.
async fn signs(server: &TestServer, client: &Value, secret: &str) -> u16 {
    let body = json!({ "clientId": client, "clientSecret": secret, "identity": "kim", "aud": "" });
    let headers = [("content-type", "application/json")];
    let url = format!("{}/api/users/sts", server.url());
    call("POST", &url, &headers, body.to_string()).await.status
}

#[tokio::test]
async fn a_kore_apps_secrets_are_shown_once_and_replaced_one_at_a_time() {
    let server = TestServer::start(MARU).await;
    let add = ["channel", "add", "shop", "--kind", "kore", "--bot", "echo"];
    let added = server.json(&[&add[..], &["--set", "development_issuer=true"]].concat()).await;
    let (client, first) = (&added["settings"]["client_id"], added["secrets"][0].as_str().unwrap());
    assert!(client.as_str().unwrap().starts_with("cs-"));
    assert!(added["settings"]["bots"][0]["id"].as_str().unwrap().starts_with("st-"));
    assert_eq!(signs(&server, client, first).await, 200);

    let second = server.json(&["secret", "rotate", "shop", "--key", "2"]).await;
    let second = second["secret"].as_str().unwrap().to_owned();
    assert_eq!(
        (signs(&server, client, first).await, signs(&server, client, &second).await),
        (200, 200)
    );
    server.json(&["secret", "revoke", "shop", "--key", "1"]).await;
    assert_eq!(
        (signs(&server, client, first).await, signs(&server, client, &second).await),
        (401, 200)
    );

    let api = server.json(&["secret", "rotate", "shop", "--key", "api"]).await;
    let page = format!("apiKey={}&ity=kim", api["secret"].as_str().unwrap());
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let url = format!("{}/api/platform/websdk", server.url());
    assert_eq!(call("POST", &url, &headers, page).await.status, 200);

    let listed = server.json(&["secret", "list", "shop"]).await;
    let keys: Vec<&Value> =
        listed["secrets"].as_array().unwrap().iter().map(|secret| &secret["key"]).collect();
    assert_eq!(keys, [&json!(1), &json!(2), &json!("api")]);
    let shown = server.json(&["channel", "show", "shop"]).await;
    assert!(
        shown["settings"].get("secrets").is_none() && shown["settings"].get("api_key").is_none()
    );
    for secret in [first, &second] {
        assert!(!format!("{shown}{listed}{}", server.log()).contains(secret));
    }
    let told = refused(&server, &["channel", "set", "shop", "secrets=[]"]).await;
    assert!(told.contains("maru secret rotate"), "{told}");
}

#[tokio::test]
async fn a_secret_that_clients_have_already_is_taken_and_kept_sealed() {
    let server = TestServer::start(MARU).await;
    let theirs = server.folder().join("secret");
    std::fs::write(&theirs, "a-secret-of-long-ago\n").unwrap();
    let records = server.folder().join("records.toml");
    let file = format!(
        r#"
        [[bot]]
        name = "kit"
        kind = "botkit"
        set = {{ url = "http://127.0.0.1:9", app_secret = "their-own-secret" }}

        [[channel]]
        name = "shop"
        kind = "kore"
        bot = "kit"
        set = {{ client_id = "cs-1b4c7b6e-5d3b-5a8e-9f60-0d6a2f6b9a11", client_secret = "file:{}", development_issuer = true }}
        "#,
        theirs.display()
    );
    std::fs::write(&records, file).unwrap();
    let apply = async || {
        let applied = server.json(&["apply", "-f", records.to_str().unwrap()]).await;
        let changes = applied["applied"].as_array().unwrap().iter();
        assert!(applied.to_string().find("secrets").is_none(), "no secret is made: {applied}");
        changes.map(|one| one["change"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(apply().await, ["created", "created"]);
    assert_eq!(
        signs(&server, &json!("cs-1b4c7b6e-5d3b-5a8e-9f60-0d6a2f6b9a11"), "a-secret-of-long-ago")
            .await,
        200
    );
    let bot = || server.json(&["channel", "show", "shop"]);
    let before = bot().await;
    assert_eq!(apply().await, ["unchanged", "unchanged"], "a file may be applied again");
    assert_eq!(bot().await, before, "what was made with the record stays");

    std::fs::write(&theirs, "another-secret-of-theirs").unwrap();
    assert_eq!(apply().await, ["unchanged", "changed"]);
    assert_eq!(
        signs(
            &server,
            &json!("cs-1b4c7b6e-5d3b-5a8e-9f60-0d6a2f6b9a11"),
            "another-secret-of-theirs"
        )
        .await,
        200
    );
    assert_eq!(
        signs(&server, &json!("cs-1b4c7b6e-5d3b-5a8e-9f60-0d6a2f6b9a11"), "a-secret-of-long-ago")
            .await,
        401
    );
    for wrong in ["client_secret=", "client_secret=file:/nowhere", "client_secret=short"] {
        let output = server.run(&["channel", "set", "shop", wrong], "").await;
        let is_taken_away = wrong.ends_with('=');
        assert_eq!(output.status.success(), is_taken_away, "{wrong}");
    }
    assert_eq!(
        signs(
            &server,
            &json!("cs-1b4c7b6e-5d3b-5a8e-9f60-0d6a2f6b9a11"),
            "another-secret-of-theirs"
        )
        .await,
        200
    );
    assert!(!server.log().contains("secret-of"), "no secret is in the log");
}
