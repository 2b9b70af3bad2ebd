//! What writers say: JSON text by hand, full of what a careless server would change.

use crate::activity::Members;
use crate::random::Random;

/// Values of texts as JSON text without the quotes: escapes that need not be, letters that look alike,
/// a line's end, what is outside the first plane, and what other systems trip over.
const TEXTS: [&str; 10] = [
    "Where is my parcel? It was promised for Tuesday.",
    "마루에 앉아 기다리고 있어요. 언제 오시나요?",
    // The same word composed, decomposed, and escaped: three different texts.
    "카페 \u{1100}\u{1161} \\uac00",
    "caf\\u00e9 / caf\u{e9} / cafe\u{301}",
    "a quote \\\" and a slash \\/ and a backslash \\\\",
    "two lines\\nand a tab\\t, then \\u0001 and \\u007f",
    "👩‍👩‍👧 \\ud83d\\ude00 😀",
    "<b>not markup</b> &amp; ${not} {{code}}",
    " spaces at both ends, no-break\u{a0}and zero\u{200b}width ",
    "\u{feff}begins with a byte order mark, \u{2028} ends lines in JavaScript",
];

/// Values of `value` as JSON text: numbers that a double would change, and an order that a map would.
const VALUES: [&str; 5] = [
    r#"{"n":1.0,"big":123456789012345678901234567890,"tiny":1e-7,"minus":-0}"#,
    r#"{"z":1,"a":{"y":null,"b":[]},"m":true}"#,
    r#"[1.10, 1.1 ,"1.1",{"spaces" : "kept"}]"#,
    r#""a text with \u00e9 and \/""#,
    "0.1000",
];

/// What one writer says, one after the other, decided by the seed.
#[derive(Debug)]
pub(super) struct Words {
    random: Random,
    writer: usize,
    user: String,
    count: u64,
}

/// Something to post.
#[derive(Debug)]
pub(super) struct Saying {
    pub(super) key: String,
    pub(super) json: String,
    pub(super) digest: String,
}

impl Words {
    pub(super) fn of(seed: u64, writer: usize) -> Self {
        let random = Random::of(seed, writer as u64);
        Self { random, writer, user: format!("user-{writer:04}"), count: 0 }
    }

    /// The next thing to say.
    pub(super) fn say(&mut self) -> Saying {
        let key = format!("w{:04}-{:06}", self.writer, self.count);
        let user = &self.user;
        let number = self.count;
        let text = pick(&mut self.random, &TEXTS);
        let value = pick(&mut self.random, &VALUES);
        let padding = "·".repeat(usize::try_from(self.random.below(40)).unwrap_or(0));
        let json = if self.random.below(10) == 0 {
            format!(
                r#"{{"type":"event","from":{{"id":"{user}"}},"name":"ledger/{number}","value":{value},"channelData":{{"clientActivityID":"{key}"}}}}"#
            )
        } else {
            format!(
                r#"{{"type":"message","from":{{"id":"{user}"}},"text":"{number} {text} {padding}","locale":"ko-KR","localTimestamp":"2024-02-29T09:00:00.120+09:00","value":{value},"channelData":{{"clientActivityID":"{key}","n":1.50}},"unknownToAll":{{"kept":true}}}}"#
            )
        };
        self.count += 1;
        let digest = Members::of(&json).map(|members| members.digest()).unwrap_or_default();
        Saying { key, json, digest }
    }

    /// A `typing`, which is passed on and never kept.
    pub(super) fn typing(&self) -> String {
        format!(r#"{{"type":"typing","from":{{"id":"{}"}}}}"#, self.user)
    }
}

fn pick<'a>(random: &mut Random, from: &[&'a str]) -> &'a str {
    let index = usize::try_from(random.below(from.len() as u64)).unwrap_or(0);
    from.get(index).copied().unwrap_or_default()
}

/// What the bot answers to an activity, as JSON text: "echo: " before the very bytes of its text.
pub(super) fn echo(activity: &Members<'_>, reply_to: &str) -> String {
    let text = activity.raw("text").and_then(|raw| raw.strip_prefix('"')).unwrap_or("\"");
    let value = activity.raw("value").unwrap_or("null");
    format!(
        r#"{{"type":"message","from":{{"id":"ledger-bot","name":"Ledger"}},"replyToId":"{reply_to}","text":"echo: {text},"value":{value},"inputHint":"acceptingInput"}}"#
    )
}

/// The bot's `typing` before an answer. It has a place, and only streams show it.
pub(super) fn typing(reply_to: &str) -> String {
    format!(r#"{{"type":"typing","from":{{"id":"ledger-bot"}},"replyToId":"{reply_to}"}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_said_is_json_and_a_seed_says_it_again() {
        let (mut words, mut again) = (Words::of(7, 3), Words::of(7, 3));
        for _ in 0..500 {
            let saying = words.say();
            let value: serde_json::Value = serde_json::from_str(&saying.json).unwrap();
            assert_eq!(value["channelData"]["clientActivityID"], saying.key.as_str());
            assert_eq!(again.say().json, saying.json);
            let members = Members::of(&saying.json).unwrap();
            let answer: serde_json::Value = serde_json::from_str(&echo(&members, "c|1")).unwrap();
            let text = value["text"].as_str().unwrap_or_default();
            assert_eq!(answer["text"].as_str(), Some(format!("echo: {text}").as_str()));
        }
        assert!(serde_json::from_str::<serde_json::Value>(&typing("c|1")).is_ok());
    }
}
