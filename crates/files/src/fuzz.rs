//! What fuzz targets, and the replay of their corpora, call.
#![doc(hidden)]

use maru_activity::Account;
use maru_content::is_address;
use maru_hall::Meta;
use serde_json::Value;

use crate::said::{Addresses, Rules, Said, TEXT_MAX, contents};

struct Nowhere;

impl Addresses for Nowhere {
    fn file(&self, blob: &str, _: &str) -> String {
        format!("https://maru.example/{blob}")
    }

    fn preview(&self, blob: &str) -> String {
        self.file(blob, "")
    }
}

/// Reads what somebody says, all but its files, and shows it to whoever is in the conversation: as it was
/// said, and as bots and other channels know it. What was found sound can be kept and read again, and
/// nothing in it leads anywhere but to the web.
pub fn content(content: &Value) {
    let rules = Rules { text_max: TEXT_MAX, file_hosts: &[] };
    let Ok(said) = Said::sound(content, &rules) else { return };
    let user = Account { id: "u".to_owned(), ..Account::default() };
    let (activity, meta) = said.into_activity(&user, "0123456789abcdef");
    let body: Value = serde_json::from_slice(&activity.body).expect("an activity is JSON");
    assert_eq!(body["from"]["id"], "u");
    assert!(body.get("text").is_none_or(|_| body["textFormat"] == "plain"), "words are words");
    assert!(!meta.blobs, "nobody but the server refers to files");
    let as_said = contents(&activity.body, &meta, &Nowhere);
    let portable = contents(&activity.body, &Meta::default(), &Nowhere);
    assert_eq!(as_said.len(), 1);
    for shown in as_said.iter().chain(&portable) {
        let links = shown.get("links").and_then(Value::as_array).into_iter().flatten();
        for link in links {
            assert!(link["name"].is_string(), "a button has a name");
            let url = link.get("url").filter(|_| link["type"] == "link");
            assert!(url.is_none_or(|url| url.as_str().is_some_and(is_address)), "{link}");
        }
        let is_menu = shown["TYPE"] == "SCENARIO";
        assert!(!is_menu || shown["MESSAGE"].as_object().is_some_and(|menu| menu.len() == 3));
    }
}
