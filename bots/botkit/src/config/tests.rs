use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::*;

fn key() -> InstanceKey {
    InstanceKey::from_text(&STANDARD.encode([7; 32])).unwrap()
}

fn fresh() -> Map<String, Value> {
    let (mut settings, _) = new_settings(&Env::system(), &key());
    settings.insert("url".to_owned(), "http://botkit:8003/prefix/".into());
    settings
}

fn with(name: &str, value: Value) -> Result<Settings, BadSettings> {
    let mut settings = fresh();
    settings.insert(name.to_owned(), value);
    Settings::read(&settings)
}

#[test]
fn a_new_bot_needs_only_its_url_and_has_the_documented_defaults() {
    let read = Settings::read(&fresh()).unwrap();
    assert_eq!(read.url, "http://botkit:8003/prefix");
    let given = Settings {
        url: read.url.clone(),
        bot_id: read.bot_id.clone(),
        app_id: read.app_id.clone(),
        secret: read.secret.clone(),
        ..Settings::default()
    };
    assert_eq!(read, given);
    assert!(read.bot_id.starts_with("st-") && read.app_id.starts_with("cs-"));
    assert_eq!((read.event_bytes_max, read.backend_timeout_ms), (102_400, 15_000));
    assert_eq!((read.agent_transfer, read.events), (AgentTransfer::None, true));
}

#[test]
fn what_is_wrong_is_named() {
    for (name, value, problem) in [
        ("url", json!(""), "is missing"),
        ("url", json!("/x"), "is no URL"),
        ("url", json!("ftp://b/"), "must be an absolute http"),
        ("url", json!("http://me:pw@b/"), "must hold no user name"),
        ("url", json!("http://b/?x"), "must have no query"),
        ("bot_id", json!("st-12345"), "must be st- and a UUID"),
        ("app_id", json!(""), "must be given"),
        ("secret", json!(null), "must be given"),
        ("secret", json!("plain"), "is kept sealed, and cannot be set as text"),
        ("algorithm", json!("none"), "unknown variant"),
        ("algorithm", json!("RS256"), "unknown variant"),
        ("authentication", json!("basic"), "unknown variant"),
        ("agent_transfer", json!("desk:sales"), "this server has no desk yet"),
        ("agent_transfer", json!("cloud"), "must be \"none\" or \"botkit\""),
        ("backend", json!(""), "is the id of a bot"),
        ("language", json!("e"), "must be a language code"),
        ("variables", json!({"a": 1}), "data did not match"),
        ("no_backend_text", json!("x".repeat(10_001)), "must have at most"),
        ("bakend", json!("x"), "unknown field"),
    ] {
        let error = with(name, value).unwrap_err();
        assert_eq!(error.setting, name);
        assert!(error.problem.starts_with(problem), "{error}");
        assert!(!error.problem.contains("plain"), "{error}");
    }
    assert!(with("variables", json!({"a": "x", "b": {"en": "y", "de": "z"}})).is_ok());
    assert!(with("authentication", json!("apikey")).is_ok());
    assert!(with("agent_transfer", json!("botkit")).is_ok());
}

#[test]
fn each_number_is_taken_at_its_limits_and_not_beyond() {
    for (name, least, most) in [
        ("backend_timeout_ms", 100_u64, 300_000_u64),
        ("event_bytes_max", 16_384, 16 << 20),
        ("answer_bytes_max", 1_024, 16 << 20),
    ] {
        assert!(with(name, least.into()).is_ok() && with(name, most.into()).is_ok(), "{name}");
        assert!(with(name, (least - 1).into()).is_err(), "{name}");
        assert!(with(name, (most + 1).into()).is_err(), "{name}");
    }
}

#[test]
fn a_secret_is_sealed_and_only_the_same_key_opens_it() {
    let env = Env::system();
    let (mut settings, made) = new_settings(&env, &key());
    let kept = |settings: &Map<String, Value>| {
        opened(&SealedSecret::deserialize(&settings["secret"]).unwrap(), &key())
    };
    assert_eq!(kept(&settings).unwrap().expose(), made.secret.expose());
    assert!(!Value::from(settings.clone()).to_string().contains(made.secret.expose()));
    let other = InstanceKey::from_text(&STANDARD.encode([8; 32])).unwrap();
    let sealed = SealedSecret::deserialize(&settings["secret"]).unwrap();
    assert_eq!(opened(&sealed, &other).unwrap_err().setting, "secret");

    let given = Secret::new("test_api_key");
    import_secret(&mut settings, &given, &env, &key()).unwrap();
    let once = settings.clone();
    import_secret(&mut settings, &given, &env, &key()).unwrap();
    assert_eq!(settings, once, "a secret that is kept is not sealed anew");
    assert_eq!(kept(&settings).unwrap().expose(), "test_api_key");
    let renewed = rotate(&mut settings, &env, &key());
    assert_eq!(kept(&settings).unwrap().expose(), renewed.expose());
    for wrong in ["", &"x".repeat(1_025)] {
        assert!(import_secret(&mut settings, &Secret::new(wrong), &env, &key()).is_err());
    }
}
