use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::*;

fn key() -> InstanceKey {
    InstanceKey::from_text(&STANDARD.encode([7; 32])).unwrap()
}

fn app() -> (Map<String, Value>, NewApp) {
    new_app_settings(&Env::system(), &key(), "Kit")
}

fn with(name: &str, value: impl Into<Value>) -> Result<(), BadSettings> {
    let mut settings = app().0;
    settings.insert(name.to_owned(), value.into());
    check_settings(&settings)
}

fn secrets(settings: &Map<String, Value>) -> Vec<String> {
    let read = Settings::read(settings).unwrap();
    read.secrets
        .iter()
        .map(|secret| secret.open(SECRETS.purpose, &key()).unwrap().expose().to_owned())
        .collect()
}

#[test]
fn a_new_app_is_sound_and_has_the_documented_defaults() {
    let (settings, new) = app();
    let read = Settings::read(&settings).unwrap();
    let own = Settings {
        client_id: new.client_id.clone(),
        secrets: read.secrets.clone(),
        bots: vec![AppBot { id: new.bot_id, bot: None, name: "Kit".to_owned(), icon: None }],
        ..Settings::default()
    };
    assert_eq!(read, own);
    assert!(!read.anonymous && !read.development_issuer && read.api_key.is_none());
    assert_eq!(read.algorithms, [Algorithm::Hs256]);
    assert_eq!(secrets(&settings), [new.client_secret.expose()]);
    assert_ne!(app().1.client_id, new.client_id);
}

#[test]
fn a_secret_that_is_written_as_text_is_not_quoted() {
    for (name, value) in
        [("secrets", json!("plain")), ("secrets", json!(["plain"])), ("api_key", json!("plain"))]
    {
        let error = with(name, value).unwrap_err();
        assert_eq!(error.setting, name);
        assert!(error.problem.ends_with("cannot be set as text"), "{error}");
        assert!(!error.problem.contains("plain"), "{error}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    let bot = |id: &str, icon: &str| json!([{"id": id, "name": "Kit", "icon": icon}]);
    let sound = "st-f74a3430-3b19-55a3-be41-1ab1a35c4685";
    assert!(with("bots", bot(sound, "https://example.org/kit.png")).is_ok());
    for (name, value) in [
        ("client_id", json!("cs-1")),
        ("client_id", json!("st-f74a3430-3b19-55a3-be41-1ab1a35c4685")),
        ("secrets", json!([])),
        ("secrets", json!([{"id": "a", "sealed": "x"}])),
        ("algorithms", json!([])),
        ("algorithms", json!(["none"])),
        ("algorithms", json!(["ES256"])),
        ("public_keys", json!(["-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"])),
        ("bots", json!([])),
        // Of version 4: BotKit takes none of these.
        ("bots", bot("st-f74a3430-3b19-45a3-be41-1ab1a35c4685", "https://example.org")),
        ("bots", bot("st-f74a3430-3b19-55a3-1e41-1ab1a35c4685", "https://example.org")),
        ("bots", bot(sound, "javascript:alert(1)")),
        ("bots", json!([{"id": sound, "name": "a"}, {"id": sound, "name": "b"}])),
        ("bots", json!([{"id": sound, "name": "a", "color": "red"}])),
        ("theme", json!("dark")),
        ("theme", json!({"v3": "x".repeat(THEME_BYTES_MAX)})),
        ("token_ttl", json!(3)),
        ("token_ttl_secs", json!("3")),
    ] {
        assert_eq!(with(name, value.clone()).unwrap_err().setting, name, "{value:.80}");
    }
    assert_eq!(with("algorithms", json!(["RS256"])).unwrap_err().setting, "public_keys");
}

#[test]
fn each_number_is_taken_at_its_limits_and_not_beyond() {
    for (name, least, most) in [
        ("token_ttl_secs", 60_u64, 31_536_000_u64),
        ("session_idle_secs", 60, 604_800),
        ("frame_bytes_max", 1_024, 4 << 20),
        ("upload_bytes_max", 1_024, 1 << 30),
        ("sockets_per_user_max", 1, 1_000),
        ("keep_alive_secs", 1, 3_600),
        ("webhook_wait_secs", 1, 300),
    ] {
        assert!(with(name, least).is_ok() && with(name, most).is_ok(), "{name}");
        assert!(with(name, least - 1).is_err() && with(name, most + 1).is_err(), "{name}");
    }
}

#[test]
fn secrets_are_rotated_one_by_one_and_brought_along() {
    let (env, key) = (Env::system(), key());
    let (mut settings, new) = app();
    let second = rotate(&mut settings, 1, &env, &key).unwrap();
    assert_eq!(secrets(&settings), [new.client_secret.expose(), second.expose()]);
    let first = rotate(&mut settings, 0, &env, &key).unwrap();
    assert_eq!(secrets(&settings), [first.expose(), second.expose()]);
    assert!(rotate(&mut settings, 2, &env, &key).is_err());
    let own = Secret::new("an existing site's own secret");
    import_secret(&mut settings, &own, &env, &key).unwrap();
    assert_eq!(secrets(&settings), [own.expose(), second.expose()]);
    for unsound in ["", "short", &"x".repeat(513)] {
        assert!(import_secret(&mut settings, &Secret::new(unsound), &env, &key).is_err());
    }
    let text = Value::Object(settings).to_string();
    assert!(!text.contains(own.expose()) && !text.contains(second.expose()));
}

#[test]
fn an_api_key_is_kept_as_a_hash() {
    let (mut settings, _) = app();
    let issued = renew_api_key(&mut settings, &Env::system());
    let read = Settings::read(&settings).unwrap();
    assert!(read.api_key.unwrap().matches(issued.text.expose()));
    assert!(!Value::Object(settings).to_string().contains(issued.text.expose()));
}
