//! Dialogues kept as files. `MARU_BLESS=1` writes down what is said now.

use std::path::{Path, PathBuf};

use maru_scenario::{Capabilities, Severity, validate};

use crate::play::{Play, shown};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn check(scenario: &Path, play: &Path) {
    let file = std::fs::read_to_string(scenario).unwrap();
    let wanted = std::fs::read_to_string(play).unwrap();
    let given = Play::load(&file).transcript(&wanted);
    if std::env::var_os("MARU_BLESS").is_some() {
        std::fs::write(play, given).unwrap();
        return;
    }
    assert!(given == wanted, "{} says now:\n{given}", play.display());
}

#[test]
fn every_node_type_says_what_its_file_has() {
    let mut types = Vec::new();
    for entry in std::fs::read_dir(root().join("tests/golden/nodes")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            check(&path, &path.with_extension("play"));
            types.push(path.file_stem().unwrap().to_str().unwrap().to_owned());
        }
    }
    for kind in [
        "intent",
        "select",
        "slot",
        "link",
        "custom",
        "message",
        "condition",
        "set",
        "webhook",
        "jump",
        "end",
        "handoff",
    ] {
        assert!(types.iter().any(|name| name == kind), "{kind} has no file");
    }
}

#[test]
fn the_coffee_shop_takes_orders_in_both_languages() {
    for language in ["ko", "en"] {
        let scenario = root().join(format!("../../examples/scenarios/coffee.{language}.json"));
        check(&scenario, &root().join(format!("tests/golden/coffee.{language}.play")));
    }
}

#[test]
fn the_coffee_shop_is_in_order() {
    for language in ["ko", "en"] {
        let path = root().join(format!("../../examples/scenarios/coffee.{language}.json"));
        let file = std::fs::read(path).unwrap();
        assert_eq!(shown(&validate(&file, &[])), "");
        let of_channels = validate(&file, &Capabilities::KNOWN);
        assert!(of_channels.iter().all(|issue| issue.severity == Severity::Warning));
    }
}
