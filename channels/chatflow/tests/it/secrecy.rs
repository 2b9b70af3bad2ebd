//! No secret and nothing that was said stands in a log line, an error, or the store as it is.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::house::House;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn nothing_of_it_gets_out() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let house = House::new().await;
    house.says("user-key-1", "말한 것").await;
    house.post("message", json!({"user_key": "user-key-1", "content": {"bad": 1}})).await;
    let made = house.order("POST", "/apps/shop/secret", &Value::Null).await;
    let secret = json!({"value": "hook-secret-text"});
    house.order("PUT", "/apps/shop/secrets/stock", &secret).await;
    let listed = house.order("GET", "/apps", &Value::Null).await.to_string();
    let shown = house.order("GET", "/clients", &Value::Null).await.to_string();
    let logged = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let (_, app) = house.app_id.split_once('.').unwrap();
    let (_, client) = house.client_id.split_once('.').unwrap();
    let (_, fresh) = made["app_id"].as_str().unwrap().split_once('.').unwrap();
    for secret in [app, client, fresh, "hook-secret-text"] {
        assert!(!logged.contains(secret) && !listed.contains(secret) && !shown.contains(secret));
        for file in std::fs::read_dir(house.folder()).unwrap() {
            let path = file.unwrap().path();
            let Ok(bytes) = std::fs::read(&path) else { continue };
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{}", path.display());
        }
    }
    assert!(!logged.contains("말한 것"), "{logged}");
}
