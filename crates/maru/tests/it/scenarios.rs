//! Scenario files on the command line, without a server.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::MARU;

fn maru(arguments: &[&str], input: &str) -> Output {
    use std::io::Write as _;
    // In a folder of its own: no data and no configuration.
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(MARU);
    command.args(arguments).current_dir(folder.path());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
    output
}

fn coffee() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/scenarios/coffee.en.json")
}

#[test]
fn a_scenario_is_checked_and_what_is_wrong_is_told_with_its_place() {
    let coffee = coffee();
    let output = maru(&["scenario", "check", coffee.to_str().unwrap()], "");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));

    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.json");
    let text = std::fs::read_to_string(&coffee).unwrap();
    let mut file: Value = serde_json::from_str(&text).unwrap();
    file["meta"]["entry_id"] = json!("nowhere");
    std::fs::write(&broken, file.to_string()).unwrap();
    let output = maru(&["scenario", "check", broken.to_str().unwrap(), "--json"], "");
    assert_eq!(output.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["usable"], false);
    let pointers = told["issues"].as_array().unwrap().iter().map(|issue| &issue["pointer"]);
    assert!(pointers.clone().any(|pointer| pointer == "/meta/entry_id"), "{told}");

    for (arguments, code) in [(["scenario", "check"], 3), (["scenario", "run"], 3)] {
        let missing = [&arguments[..], &["/nowhere.json"]].concat();
        assert_eq!(maru(&missing, "").status.code(), Some(code));
    }
}

#[test]
fn a_scenario_is_played_line_by_line() {
    let output = maru(&["scenario", "run", coffee().to_str().unwrap()], "order\n\n1\n\u{1b}[2J\n");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("    [1] "), "choices are numbered: {shown}");
    assert!(!shown.contains('\u{1b}'), "what is said cannot steer the terminal");
}

#[test]
fn an_imported_file_can_be_checked_and_played() {
    let folder = tempfile::tempdir().unwrap();
    let (theirs, ours) = (folder.path().join("state.json"), folder.path().join("ours.json"));
    let state = json!({
        "states": {
            "aBcDe": { "name": "entry", "message": "Hello" },
            "fGhIj": { "name": "weather", "message": "Fine", "transition": "after.weather" },
        },
        "meta": { "entry": "aBcDe", "exception": "aBcDe" },
    });
    std::fs::write(&theirs, state.to_string()).unwrap();
    let output = maru(&["scenario", "import", theirs.to_str().unwrap(), "--name", "old"], "");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("/states/fGhIj/transition"), "what is left to do is told: {told}");
    std::fs::write(&ours, &output.stdout).unwrap();
    let output = maru(&["scenario", "run", ours.to_str().unwrap()], "hi\n");
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && shown.contains("Hello"), "{shown}");
}
