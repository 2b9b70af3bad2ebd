//! What only two may know stands in no log line, and in nothing that is printed for diagnosis.

use std::io;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::house::House;

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_log_and_no_debug_shows_a_secret_or_a_users_name() {
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone());
    tracing::subscriber::set_global_default(subscriber.finish()).unwrap();

    let house = House::with(json!({"development_issuer": true, "anonymous": true})).await;
    let mut key = String::new();
    house
        .change(|settings| {
            key = maru_kore::renew_api_key(settings, &house.ground.env).text.expose().to_owned();
        })
        .await;
    let (user, secret) = ("a-name-between-two", house.app.client_secret.expose().to_owned());
    let assertion = house.assertion(user);
    let token = house.grant(user).await;
    let url = house.start(&token).await;
    let sid = url.split_once("sid=").unwrap().1;
    drop(tokio_tungstenite::connect_async(&url).await.unwrap());
    let used = tokio_tungstenite::connect_async(&url).await;
    assert!(used.is_err());
    // Refusals of all kinds.
    let body = json!({"clientId": house.app.client_id, "clientSecret": secret, "identity": user});
    assert_eq!(house.post("/api/users/sts", None, &body).await.status, 200);
    let wrong = json!({"clientId": house.app.client_id, "clientSecret": format!("{secret}x")});
    assert_eq!(house.post("/api/users/sts", None, &wrong).await.status, 401);
    let keyed = json!({"apiKey": key, "ity": user});
    assert_eq!(house.post("/api/platform/websdk", None, &keyed).await.status, 200);
    let forged = format!("{assertion}x");
    for (path, body) in [
        ("/api/oAuth/token/jwtgrant", json!({"assertion": forged})),
        ("/api/rtm/start", json!({"botInfo": {"taskBotId": user}})),
        ("/api/nothing", json!({"secret": secret})),
    ] {
        assert_ne!(house.post(path, Some(&token), &body).await.status, 200, "{path}");
    }
    house.hall.stop(std::time::Duration::from_secs(10)).await;

    let record = house.hall.directory().channel(&house.ground.realm, &"shop".into()).unwrap();
    let settings = maru_kore::Settings::read(&record.settings).unwrap();
    let shown = format!("{:?} {:?} {settings:?}", house.face, house.app);
    assert!(shown.contains("by_client_id"), "{shown}");
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("/api/oAuth/token/jwtgrant"), "{log}");
    for (what, text) in [
        ("the client secret", secret.as_str()),
        ("the API key", &key),
        ("an assertion", &assertion),
        ("an access token", &token),
        ("a sid", sid),
        ("a user's name", user),
    ] {
        let line = log.lines().chain(shown.lines()).find(|line| line.contains(text));
        assert_eq!(line, None, "{what} is shown");
    }
}
