use maru_activity::Timestamp;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::input::{ContentKind, Heard};
use crate::limits::{RENDERED_BYTES_MAX, TEXT_CHARS_MAX};

fn map(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn render(source: &str) -> (String, Vec<String>) {
    let slots =
        map(&json!({"menu": "아메리카노", "qty": 2, "$drink": "tea", "evil": "{{content}}"}));
    let vars = map(&json!({"name": "", "big": 1234567.5, "when": "2026-11-21", "none": null}));
    let response = json!({"items": [{"name": "a"}, {"name": "b"}], "left": 0});
    let mut heard = Heard::new(ContentKind::Text, "Hi");
    heard.choice = Some("large".to_owned());
    let scope = Scope {
        slots: &slots,
        vars: &vars,
        user_key: "u/1",
        heard: &heard,
        response: Some(&response),
        now: Timestamp::from_secs(1_795_269_900),
        offset_secs: 9 * 3600,
    };
    let mut render = Render::new(scope, RENDERED_BYTES_MAX);
    let text = Template::parse(source).unwrap().text(&mut render);
    (text, render.notes)
}

#[test]
fn places_are_filled() {
    for (source, text) in [
        ("plain", "plain"),
        ("", ""),
        ("{{slot.menu}} {{ slot.qty }}잔", "아메리카노 2잔"),
        ("{{slot.$drink|upper}}", "TEA"),
        ("{{var.name|default:guest}}!", "guest!"),
        ("{{var.nobody|default: a b |upper}}", "A B"),
        ("{{var.nobody|default:\"a|b}}\"}}", "a|b}}"),
        ("{{\"{{\"}}", "{{"),
        ("{{content|lower}}{{choice}}{{user_key}}", "hilargeu/1"),
        ("{{response.items.1.name}}{{response.left}}", "b0"),
        ("{{response.items}}", r#"[{"name":"a"},{"name":"b"}]"#),
        ("{{var.big|number}} {{var.big|number:2}}", "1,234,567.5 1,234,567.50"),
        ("{{slot.qty|number:0}}", "2"),
        ("{{var.when|date:%Y년 %-m월 %-d일}}", "2026년 11월 21일"),
        ("{{now|date:%H:%M}}", "23:05"),
        ("{{now}}", "2026-11-21T23:05:00+09:00"),
        ("a } b {c} }}", "a } b {c} }}"),
    ] {
        let (given, notes) = render(source);
        assert_eq!(given, text, "{source}");
        assert!(notes.is_empty(), "{source}: {notes:?}");
    }
}

#[test]
fn what_is_filled_in_is_never_a_template_again() {
    assert_eq!(render("{{slot.evil}}").0, "{{content}}");
}

#[test]
fn what_is_missing_is_empty_and_noted() {
    for source in ["{{slot.none}}", "{{var.none}}", "{{response.items.2.name}}", "{{response.x.y}}"]
    {
        let (text, notes) = render(source);
        assert_eq!(text, "", "{source}");
        assert_eq!(notes.len(), 1, "{source}: {notes:?}");
    }
    let (text, notes) = render("{{slot.menu|number}}{{content|date}}");
    assert_eq!(text, "아메리카노Hi");
    assert_eq!(notes.len(), 2);
}

#[test]
fn what_cannot_be_read_is_refused() {
    for source in [
        "{{",
        "a {{slot.menu",
        "{{}}",
        "{{slot}}",
        "{{slot.}}",
        "{{slots.menu}}",
        "{{slot.a b}}",
        "{{content.x}}",
        "{{slot.menu|shout}}",
        "{{slot.menu|default}}",
        "{{slot.menu|upper:x}}",
        "{{slot.menu|number:10}}",
        "{{slot.menu|date:%!}}",
        "{{slot.menu|}}",
        "{{secret.x|upper}}",
        "{{secret}}",
    ] {
        assert!(Template::parse(source).is_err(), "{source}");
    }
}

#[test]
fn an_address_cannot_be_left() {
    let (slots, vars) = (map(&json!({"x": "a b/c?d&e=한", "up": "..", "dot": "."})), Map::new());
    let scope = Scope {
        slots: &slots,
        vars: &vars,
        user_key: "",
        heard: &Heard::nothing(),
        response: None,
        now: Timestamp::default(),
        offset_secs: 0,
    };
    let address = |source: &str| {
        Template::parse(source).unwrap().address(&mut Render::new(scope, RENDERED_BYTES_MAX))
    };
    assert_eq!(
        address("https://h/p/{{slot.x}}?q={{slot.x}}").unwrap(),
        "https://h/p/a%20b%2Fc%3Fd%26e%3D%ED%95%9C?q=a%20b%2Fc%3Fd%26e%3D%ED%95%9C"
    );
    assert_eq!(address("https://h/p/{{slot.up}}/x"), None);
    assert_eq!(address("https://h/p/.{{slot.dot}}/x"), None);
    assert_eq!(address("https://h/p/%2E{{slot.dot}}"), None);
    assert_eq!(address("https://h/p?x={{slot.up}}").unwrap(), "https://h/p?x=..");
}

#[test]
fn headers_keep_secrets_apart_and_lines_whole() {
    let (slots, vars) = (map(&json!({"x": "a\r\nX-Evil: 1"})), Map::new());
    let scope = Scope {
        slots: &slots,
        vars: &vars,
        user_key: "",
        heard: &Heard::nothing(),
        response: None,
        now: Timestamp::default(),
        offset_secs: 0,
    };
    let parts = Template::parse("k {{secret.key}} {{slot.x}}").unwrap();
    assert_eq!(
        parts.header(&mut Render::new(scope, RENDERED_BYTES_MAX)),
        [
            HeaderPart::Text("k ".to_owned()),
            HeaderPart::Secret("key".to_owned()),
            HeaderPart::Text(" ".to_owned()),
            HeaderPart::Text("aX-Evil: 1".to_owned()),
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn reading_never_panics_and_giving_never_exceeds_its_bound(
        source in "(\\PC|\\{\\{|\\}\\}|slot\\.x|content|\\||upper|number|default:|\"){0,30}",
        value in "\\PC{0,100}",
        times in 1_usize..200,
    ) {
        let slots = map(&json!({"x": value.repeat(times)}));
        let vars = Map::new();
        let scope = Scope {
            slots: &slots,
            vars: &vars,
            user_key: "u",
            heard: &Heard::new(ContentKind::Text, &value),
            response: None,
            now: Timestamp::default(),
            offset_secs: 0,
        };
        let many = "{{slot.x|upper}}".repeat(10);
        for source in [source.as_str(), many.as_str()] {
            if let Ok(template) = Template::parse(source) {
                for left in [0, 10, TEXT_CHARS_MAX, RENDERED_BYTES_MAX, usize::MAX] {
                    let mut render = Render::new(scope, left);
                    let text = template.text(&mut render);
                    prop_assert!(text.len() <= left.min(RENDERED_BYTES_MAX));
                    let _ = template.address(&mut Render::new(scope, left));
                    let _ = template.header(&mut Render::new(scope, left));
                    let _ = template.value(&mut Render::new(scope, left));
                }
            }
        }
    }
}
