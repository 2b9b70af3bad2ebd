//! The configuration: where settings come from, what is wrong with them, and its documents.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use maru::config::{
    Given, Loaded, LogFormat, Problems, SECTIONS, SETTINGS, Source, example, load, print,
    record_groups, reference,
};
use tempfile::TempDir;

struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn file(&self, text: &str) -> PathBuf {
        let path = self.0.path().join("maru.toml");
        std::fs::write(&path, text).unwrap();
        path
    }

    fn load(&self, text: &str) -> Result<Loaded, Problems> {
        load(&Given { file: Some(self.file(text)), ..Given::default() })
    }

    /// What is wrong with a file, line by line.
    fn problems(&self, text: &str) -> Vec<(usize, String)> {
        let Problems(problems) = self.load(text).unwrap_err();
        let line = |source: Source| match source {
            Source::File(_, line) => line,
            _ => 0,
        };
        problems.into_iter().map(|problem| (line(problem.source), problem.what)).collect()
    }
}

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_flag_goes_before_a_variable_and_a_variable_before_the_file() {
    let files = Files::new();
    let text = "data = 'f'\nstop_grace_secs = 1\n[log]\nformat = 'json'\nlevel = 'warn'\n";
    let mut given = Given {
        file: Some(files.file(text)),
        variables: variables(&[
            ("MARU_DATA", "v"),
            ("MARU_LOG__LEVEL", "debug"),
            ("MARU_EGRESS__ALLOW", "10.0.0.0/8, bot.example:3978"),
            ("MARU_EGRESS__ALLOW_PRIVATE", "true"),
            ("PATH", "/bin"),
        ]),
        flags: Vec::new(),
    };
    given.flag("data", Some("g"));
    given.flag("listen", None::<String>);
    let config = load(&given).unwrap().config;
    assert_eq!(config.data, Path::new("g"));
    assert_eq!(config.log.level, "debug");
    assert_eq!((config.log.format, config.stop_grace), (LogFormat::Json, Duration::from_secs(1)));
    let allow: Vec<String> = config.egress.allow.iter().map(ToString::to_string).collect();
    assert_eq!(allow, ["10.0.0.0/8", "bot.example:3978"]);
    assert!(config.egress.allow_private);
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
}

#[test]
fn everything_that_is_wrong_is_told_at_once_with_its_line() {
    let text = "lisen = '127.0.0.1:0'\n\
                public_url = 'ftp://x'\n\
                stop_grace_secs = 'ten'\n\
                \n\
                [log]\n\
                levle = 'info'\n\
                format = 'xml'\n\
                \n\
                [egres]\n\
                allow = []\n\
                [retention]\n\
                days = 99999999\n\
                trusted_proxies = []\n";
    let problems = Files::new().problems(text);
    let expected = [
        (1, "`lisen`", "`listen`"),
        (2, "`public_url`", "ftp://x"),
        (3, "`stop_grace_secs`", "whole number"),
        (6, "`log.levle`", "`log.level`"),
        (7, "`log.format`", "auto, text, json"),
        (9, "`[egres]`", "`[egress]`"),
        (12, "`retention.days`", "99999999"),
        (13, "`retention.trusted_proxies`", "`trusted_proxies`"),
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:?}");
    for (line, about, says) in expected {
        let found = problems.iter().find(|(at, _)| *at == line);
        let (_, what) = found.unwrap_or_else(|| panic!("line {line}: {problems:?}"));
        assert!(what.contains(about) && what.contains(says), "line {line}: {what}");
    }
}

#[test]
fn broken_syntax_is_told_with_its_line() {
    let problems = Files::new().problems("data = 'x'\nlisten = = 1\n");
    assert!(!problems.is_empty() && problems.iter().all(|(line, _)| *line == 2), "{problems:?}");
}

#[test]
fn a_variable_that_looks_like_a_slip_is_an_error_and_another_is_not() {
    let files = Files::new();
    let with = |name: &str| {
        let file = Some(files.file(""));
        load(&Given { file, variables: variables(&[(name, "1")]), ..Given::default() })
    };
    for slip in ["MARU_LISTN", "MARU_LOG__LEVLE", "MARU_NO__SUCH"] {
        let error = with(slip).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{slip}: ")) && error.contains("MARU_"), "{error}");
    }
    // An orchestrator makes these for a service of the name.
    let loaded = with("MARU_SERVICE_HOST").unwrap();
    assert_eq!(loaded.warnings.len(), 1);
    assert!(with("MARU_BIN").unwrap().warnings.is_empty());
}

#[test]
fn a_certificate_needs_its_key() {
    let problems = Files::new().problems("[tls]\ncertificate = 'c.pem'\n");
    assert_eq!(problems, [(0, "`tls.key` must be given with tls.certificate".to_owned())]);
}

#[test]
fn what_is_dangerous_is_allowed_and_warned_of() {
    let files = Files::new();
    let warnings = |text: &str| files.load(text).unwrap().warnings;
    assert!(warnings("listen = '127.0.0.1:8080'\n").is_empty());
    assert!(warnings("listen = '0.0.0.0:8080'\n")[0].contains("without TLS"));
    assert!(warnings("listen = '0.0.0.0:8080'\ntrusted_proxies = ['10.0.0.1']\n").is_empty());
    assert!(warnings("[hints]\nurl = 'nats://h'\n")[0].contains("SQLite"));
    let shared = "[store]\nurl = 'postgres://h/d'\n[hints]\nurl = 'nats://h'\n";
    assert!(warnings(shared)[0].contains("blobs.url"));
    assert!(warnings(&format!("{shared}[blobs]\nurl = 'file:///mnt/files'\n")).is_empty());
}

#[test]
fn a_secret_is_never_printed_and_a_reference_is() {
    let files = Files::new();
    let printed =
        |key: &str| print(&files.load(&format!("instance_key = '{key}'\n")).unwrap().config);
    assert!(!printed("hunter2hunter2").contains("hunter2"));
    assert!(printed("env:MARU_KEY").contains("env:MARU_KEY"));
}

#[test]
fn a_password_in_a_url_is_told_to_nobody() {
    let files = Files::new();
    let text = "[store]\nurl = 'postgres://maru:hunter2@db/maru?sslpassword=hunter2'\n\
                [hints]\nurl = 'nats://maru:hunter2@one:4222,nats://two'\n\
                [blobs]\nurl = 's3://files'\noptions = ['secret_access_key=hunter2']\n";
    let given = Given { file: Some(files.file(text)), ..Given::default() };
    let loaded = load(&given).unwrap();
    let printed = print(&loaded.config);
    assert!(printed.contains("postgres://(not shown)@db/maru"), "{printed}");
    assert!(printed.contains("nats://(not shown)@one:4222,nats://two"), "{printed}");
    assert!(printed.contains("secret_access_key=(not shown)"), "{printed}");
    let mut told = format!("{printed}{loaded:?}");
    // Nor is what is wrong.
    for wrong in [
        "[store]\nurl = 'mysql://maru:hunter2@db/maru'\n",
        "[store]\nurl = 'hunter2'\n",
        "[hints]\nurl = 'redis://:hunter2@one'\n",
        "[blobs]\nurl = 's3://key:hunter2@files'\n",
        "[blobs]\noptions = ['hunter2']\n",
    ] {
        let problems = files.load(wrong).unwrap_err();
        assert!(!problems.to_string().contains("is not valid"), "{problems}");
        told.push_str(&format!("{problems}{problems:?}"));
    }
    let mut given = Given::default();
    given.flag("store.url", Some("mysql://maru:hunter2@db/maru"));
    given.variables = variables(&[("MARU_HINTS__URL", "redis://:hunter2@one")]);
    let problems = load(&given).unwrap_err().to_string();
    assert!(problems.contains("--store: ") && problems.contains("postgres://"), "{problems}");
    assert!(problems.contains("MARU_HINTS__URL: ") && problems.contains("nats://"), "{problems}");
    told.push_str(&format!("{problems}{given:?}"));
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn what_is_printed_can_be_read_again() {
    let files = Files::new();
    let first = files.load("data = 'a b\"c'\n[egress]\nallow = ['*.corp.example']\n").unwrap();
    let printed = print(&first.config);
    let again = files.load(&printed).unwrap_or_else(|problems| panic!("{problems}\n{printed}"));
    assert_eq!(print(&again.config), printed);
}

#[test]
fn every_setting_stands_in_one_section_and_is_told_of() {
    for setting in SETTINGS {
        assert!(SECTIONS.iter().any(|section| section.name == setting.section()), "{setting:?}");
        assert!(setting.doc.ends_with('.') && setting.doc.len() > 20, "{}", setting.key);
        let same = SETTINGS.iter().filter(|other| other.key == setting.key).count();
        assert_eq!(same, 1, "{}", setting.key);
    }
}

/// What the reference says of records is what their kinds take, with their defaults.
#[test]
fn the_settings_of_records_are_those_of_their_kinds() {
    let said = |title: &str, prefix: &str| -> BTreeMap<String, String> {
        let group = record_groups().find(|group| group.title.contains(title)).unwrap();
        let name = |name: &str| name.strip_prefix(prefix).unwrap().to_owned();
        group.settings.iter().map(|(n, default, _)| (name(n), (*default).to_owned())).collect()
    };
    let of = |value: serde_json::Value| -> BTreeMap<String, String> {
        value.as_object().unwrap().iter().map(|(n, v)| (n.clone(), v.to_string())).collect()
    };
    let delivery = serde_json::to_value(maru_hall::DeliverySettings::default()).unwrap();
    assert_eq!(said("Every bot", "delivery."), of(delivery));
    let mut site = serde_json::to_value(maru_direct_line::Settings::default()).unwrap();
    site.as_object_mut().unwrap().remove("keys");
    assert_eq!(said("`direct-line`", ""), of(site));
    let mut app = serde_json::to_value(maru_kore::Settings::default()).unwrap();
    for hidden in ["secrets", "api_key"] {
        app.as_object_mut().unwrap().remove(hidden);
    }
    for made in ["client_id", "bots"] {
        app[made] = "made".into();
    }
    assert_eq!(said("`kore`", ""), made_with_the_record(of(app)));
    let mut botkit = serde_json::to_value(maru_botkit::Settings::default()).unwrap();
    botkit.as_object_mut().unwrap().remove("secret");
    for made in ["bot_id", "app_id"] {
        botkit[made] = "made".into();
    }
    let mut botkit = made_with_the_record(of(botkit));
    botkit.insert("url".to_owned(), "none: it must be given".to_owned());
    assert_eq!(said("`botkit`", ""), botkit);
    for (title, settings, hidden) in [
        (
            "`kakao-plus-friend`",
            serde_json::to_value(maru_kakao::plus_friend::Settings::default()).unwrap(),
            &[][..],
        ),
        (
            "`kakao-skill`",
            serde_json::to_value(maru_kakao::skill::Settings::default()).unwrap(),
            &["secrets", "event_key"],
        ),
        (
            "`naver-talktalk`",
            serde_json::to_value(maru_naver::Settings::default()).unwrap(),
            &["authorization"],
        ),
    ] {
        let mut settings = settings;
        for name in hidden {
            settings.as_object_mut().unwrap().remove(*name);
        }
        settings["id"] = "made".into();
        assert_eq!(said(title, ""), made_with_the_record(of(settings)), "{title}");
    }
    let scenario = serde_json::to_value(maru_bot_chatflow::Settings::default()).unwrap();
    let mut scenario = of(scenario);
    scenario.insert("app".to_owned(), "none: it must be given".to_owned());
    assert_eq!(said("`chatflow`", ""), scenario);
    let partner = serde_json::to_value(maru_plus_friend::Settings::default()).unwrap();
    let mut partner = of(partner);
    partner.insert("url".to_owned(), "none: it must be given".to_owned());
    assert_eq!(said("`plus-friend`", ""), partner);
    let echo = maru_bot_echo::Settings::default();
    let echo = serde_json::json!({ "greeting": echo.greeting, "prefix": echo.prefix });
    assert_eq!(said("`echo`", ""), of(echo));
    let endpoint = serde_json::json!({ "endpoint": "http://bot.example/" });
    let bot = maru_bot_framework::Settings::read(endpoint.as_object().unwrap()).unwrap();
    // Taken apart, so that a new setting cannot be forgotten here.
    let maru_bot_framework::Settings {
        endpoint: _,
        callback_version,
        allow_update_delete,
        answer_bytes_max,
    } = bot;
    let mut expected = of(serde_json::json!({
        "callback_version": callback_version,
        "allow_update_delete": allow_update_delete,
        "answer_bytes_max": answer_bytes_max,
    }));
    expected.insert("endpoint".to_owned(), "none: it must be given".to_owned());
    assert_eq!(said("`bot-framework`", ""), expected);
}

/// What has no default, since each record has its own.
fn made_with_the_record(mut settings: BTreeMap<String, String>) -> BTreeMap<String, String> {
    for default in settings.values_mut().filter(|default| *default == "\"made\"") {
        *default = "made with the record".to_owned();
    }
    settings
}

/// `UPDATE_DOCS=1` writes them anew.
#[test]
fn the_documents_in_the_repository_are_those_of_the_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (name, made) in [("docs/configuration.md", reference()), ("maru.example.toml", example())] {
        let path = root.join(name);
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, &made).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == made,
            "{name} is not what the code says: run `UPDATE_DOCS=1 cargo test -p maru`"
        );
    }
}

#[test]
fn the_example_is_a_sound_configuration() {
    let files = Files::new();
    files.load(&example()).unwrap();
    let all_on: String = example()
        .lines()
        .map(|line| line.strip_prefix('#').filter(|line| !line.starts_with(' ')).unwrap_or(line))
        .map(|line| format!("{line}\n"))
        .collect();
    let loaded = files.load(&all_on).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(print(&loaded.config), print(&maru::config::Config::default()));
}
