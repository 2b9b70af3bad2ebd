//! Taking over the origin's own files.

use maru_scenario::{Code, Severity, import, validate};
use serde_json::json;

use crate::play::{Play, shown};

#[test]
fn an_origins_file_becomes_a_scenario_that_runs() {
    // The shape of its own example: short ids, Korean names and messages.
    let file = json!({
        "states": {
            "aBcDe": { "name": "entry", "message": "안녕하세요." },
            "fGhIj": { "name": "날씨", "message": "맑습니다.", "transition": "after.weather" },
            "kLmNo": { "name": "예외", "message": { "text": "모르겠어요. {{", "image": null } }
        },
        "meta": { "entry": "aBcDe", "exception": "kLmNo" }
    });
    let imported = import(file.to_string().as_bytes(), "날씨 봇").unwrap();
    assert_eq!(imported.file["nodes"]["aBcDe"]["type"], "intent");
    assert_eq!(imported.file["nodes"]["fGhIj_handler"]["handler"], "after_weather");
    let [note] = imported.report.as_slice() else { panic!("{}", shown(&imported.report)) };
    assert_eq!((note.code, note.severity), (Code::UnresolvedHandler, Severity::Warning));
    assert_eq!(note.pointer, "/states/fGhIj/transition");
    // What is left are warnings: nothing leads anywhere, as in the file.
    let text = imported.file.to_string();
    let issues = validate(text.as_bytes(), &[]);
    assert!(issues.iter().all(|issue| issue.severity == Severity::Warning), "{}", shown(&issues));
    let mut play = Play::load(&text);
    assert_eq!(play.says("hi"), "안녕하세요. @ aBcDe");
    assert_eq!(play.says("날씨"), "모르겠어요. {{ @ kLmNo");
    // The handler is nobody's yet.
    let there = play.step(maru_scenario::Input::Init { node: Some("fGhIj".to_owned()) });
    assert_eq!(crate::play::brief(there), "맑습니다. @ fGhIj");
    assert_eq!(play.says("x"), "모르겠어요. {{ @ kLmNo");
}

#[test]
fn the_later_names_and_odd_ids_are_understood() {
    let file = json!({
        "states": {
            "시작": { "name": "a", "message": "A", "transition": "", "extra": 1 },
            "끝": { "name": "b", "message": "B" },
            "state": { "name": "c", "message": "C" }
        },
        "meta": { "entry_id": "시작", "exception_id": "끝", "transition_module_path": "x.py" }
    });
    let imported = import(file.to_string().as_bytes(), "").unwrap();
    assert_eq!(imported.file["name"], "imported");
    let nodes = imported.file["nodes"].as_object().unwrap();
    assert_eq!(nodes["state"]["name"], "c", "an id that fits is kept");
    let entry = imported.file["meta"]["entry_id"].as_str().unwrap();
    assert_eq!(nodes[entry]["name"], "a");
    assert_eq!(nodes.len(), 3);
    let notes: Vec<&str> = imported.report.iter().map(|note| note.pointer.as_str()).collect();
    assert_eq!(
        notes,
        ["/meta/transition_module_path", "/states/끝", "/states/시작", "/states/시작/extra"]
    );
}

#[test]
fn what_the_origin_refuses_is_refused() {
    for (file, code, pointer) in [
        (json!({ "meta": {} }), Code::MissingMember, ""),
        (json!({ "states": {}, "meta": { "entry": "a" } }), Code::UnknownNode, "/meta/entry"),
        (
            json!({ "states": { "a": { "name": "", "message": "A" } },
                    "meta": { "entry": "a", "exception": "a" } }),
            Code::EmptyText,
            "/states/a/name",
        ),
        (
            json!({ "states": { "a": { "name": "a" } }, "meta": { "entry": "a", "exception": "a" } }),
            Code::MissingMember,
            "/states/a",
        ),
    ] {
        let issues = import(file.to_string().as_bytes(), "x").unwrap_err();
        let found = issues.iter().any(|issue| issue.code == code && issue.pointer == pointer);
        assert!(found, "{file}: {}", shown(&issues));
    }
    assert_eq!(import(b"{", "x").unwrap_err()[0].code, Code::NotJson);
}
