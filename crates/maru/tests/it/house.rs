//! Imports follow the design's direction (ARCHITECTURE.md): a table of who may see whom.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Who may see whom among Maru's own crates, as dependencies of the program. A crate that is not
/// here, and an edge that is not here, fail the test: think before adding one.
const MAY_SEE: &[(&str, &[&str])] = &[
    ("maru-activity", &[]),
    ("maru-content", &["maru-activity"]),
    ("maru-store", &["maru-activity"]),
    ("maru-store-sqlite", &["maru-activity", "maru-store"]),
    ("maru-store-postgres", &["maru-activity", "maru-store"]),
    ("maru-hints", &["maru-activity", "maru-store"]),
    ("maru-hints-nats", &["maru-activity", "maru-hints"]),
    ("maru-hall", &["maru-activity", "maru-store", "maru-hints"]),
    ("maru-accounts", &["maru-activity", "maru-store"]),
    ("maru-door", &["maru-activity", "maru-hall", "maru-accounts"]),
    ("maru-pages", &["maru-door"]),
    ("maru-egress", &[]),
    ("maru-courier", &["maru-activity", "maru-content", "maru-hall", "maru-egress"]),
    ("maru-notify", &["maru-activity", "maru-store", "maru-egress"]),
    // Channels know no bot and no other channel, and neither knows a store.
    ("maru-direct-line", &["maru-activity", "maru-hall", "maru-accounts", "maru-door"]),
    ("maru-kore", &["maru-activity", "maru-hall", "maru-accounts", "maru-door"]),
    (
        "maru-kakao",
        &[
            "maru-activity",
            "maru-content",
            "maru-hall",
            "maru-accounts",
            "maru-door",
            "maru-egress",
            "maru-courier",
        ],
    ),
    (
        "maru-naver",
        &[
            "maru-activity",
            "maru-content",
            "maru-hall",
            "maru-accounts",
            "maru-door",
            "maru-egress",
            "maru-courier",
        ],
    ),
    ("maru-files", &["maru-activity", "maru-content", "maru-hall", "maru-accounts", "maru-door"]),
    (
        "maru-desk",
        &["maru-activity", "maru-hall", "maru-accounts", "maru-door", "maru-files", "maru-notify"],
    ),
    ("maru-web-chat", &["maru-activity", "maru-hall", "maru-accounts", "maru-door", "maru-files"]),
    ("maru-bot-echo", &["maru-activity", "maru-hall"]),
    (
        "maru-bot-framework",
        &[
            "maru-activity",
            "maru-hall",
            "maru-accounts",
            "maru-door",
            "maru-egress",
            "maru-courier",
        ],
    ),
    ("maru-scenario", &["maru-activity", "maru-content"]),
    (
        "maru-botkit",
        &[
            "maru-activity",
            "maru-hall",
            "maru-accounts",
            "maru-door",
            "maru-egress",
            "maru-courier",
        ],
    ),
    (
        "maru-plus-friend",
        &[
            "maru-activity",
            "maru-content",
            "maru-hall",
            "maru-accounts",
            "maru-egress",
            "maru-courier",
            "maru-notify",
        ],
    ),
    (
        "maru-chatflow",
        &[
            "maru-activity",
            "maru-hall",
            "maru-accounts",
            "maru-egress",
            "maru-notify",
            "maru-scenario",
        ],
    ),
    (
        "maru-chatflow-channel",
        &[
            "maru-activity",
            "maru-hall",
            "maru-accounts",
            "maru-door",
            "maru-scenario",
            "maru-chatflow",
        ],
    ),
    ("maru-bot-chatflow", &["maru-activity", "maru-hall", "maru-scenario", "maru-chatflow"]),
    ("maru-testkit", &["maru-activity"]),
    (
        "maru-testhouse",
        &[
            "maru-activity",
            "maru-store",
            "maru-store-sqlite",
            "maru-hints",
            "maru-hall",
            "maru-accounts",
            "maru-door",
            "maru-egress",
        ],
    ),
    ("maru-bench", &[]),
    ("lunch-vote", &[]),
];

/// The program knows everyone, and nobody knows it.
const PROGRAM: &str = "maru";

/// Seen by tests alone.
const TESTS_ONLY: &[&str] = &["maru-testkit", "maru-testhouse", "maru-bench"];

#[test]
fn imports_follow_the_design() {
    let edges = edges();
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        MAY_SEE.iter().map(|(name, sees)| (*name, sees.iter().copied().collect())).collect();
    let mut wrong = Vec::new();
    for (name, (sees, for_tests)) in &edges {
        if sees.contains(PROGRAM) || for_tests.contains(PROGRAM) {
            wrong.push(format!("{name} knows the program"));
        }
        for test_only in TESTS_ONLY.iter().filter(|crate_| sees.contains(**crate_)) {
            wrong.push(format!("{name} needs {test_only} outside of its tests"));
        }
        if name == PROGRAM {
            continue;
        }
        let Some(allowed) = allowed.get(name.as_str()) else {
            wrong.push(format!("{name} is not in the table"));
            continue;
        };
        let strangers = sees.iter().filter(|seen| !allowed.contains(seen.as_str()));
        wrong.extend(strangers.map(|seen| format!("{name} may not see {seen}")));
    }
    let gone = allowed.keys().filter(|name| !edges.contains_key(**name));
    wrong.extend(gone.map(|name| format!("{name} is in the table and nowhere else")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_itself_has_no_circle() {
    let mut known: BTreeSet<&str> = BTreeSet::new();
    let mut left: Vec<_> = MAY_SEE.to_vec();
    while !left.is_empty() {
        let before = left.len();
        left.retain(|(name, sees)| {
            let placed = sees.iter().all(|seen| known.contains(seen));
            if placed {
                known.insert(name);
            }
            !placed
        });
        assert!(left.len() < before, "these see each other in a circle: {left:?}");
    }
}

type Edges = BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)>;

/// Every crate of the workspace with those of the others that it depends on: in the program, and
/// in its tests alone.
fn edges() -> Edges {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let mut edges = Edges::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let (mut sees, mut for_tests) = (BTreeSet::new(), BTreeSet::new());
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            // Those of the workspace have a path.
            if dependency["path"].is_null() {
                continue;
            }
            let name = dependency["name"].as_str().expect("it has a name").to_owned();
            if dependency["kind"] == "dev" {
                for_tests.insert(name)
            } else {
                sees.insert(name)
            };
        }
        let name = package["name"].as_str().expect("it has a name").to_owned();
        edges.insert(name, (sees, for_tests));
    }
    edges
}
