//! Conditions: small JSON objects that hold or do not. No code, and nothing that can run long.

use std::cmp::Ordering;

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use crate::input::{ContentKind, KINDS, Kinds};
use crate::issue::Code;
use crate::limits::{CONDITION_DEPTH_MAX, LIST_MAX, PATTERN_BYTES_MAX, PATTERN_CHARS_MAX};
use crate::reader::{Reader, nearest};
use crate::template::{Data, Path, Render, Root, bare_path};
use crate::text;

/// A condition.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    test: Test,
    /// As the author wrote it, for the trace.
    source: String,
}

#[derive(Clone, Debug)]
enum Test {
    Always,
    Compare(Comparison, Data, Data),
    In(Data, Data),
    TextIn(Vec<String>),
    Contains(Vec<String>),
    StartsWith(Vec<String>),
    Matches(Option<Data>, Regex),
    Exists(Path),
    KindIs(Kinds),
    All(Vec<Test>),
    Any(Vec<Test>),
    Not(Box<Test>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Comparison {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

const COMPARISONS: &[(&str, Comparison)] = &[
    ("eq", Comparison::Equal),
    ("ne", Comparison::NotEqual),
    ("gt", Comparison::Greater),
    ("ge", Comparison::GreaterOrEqual),
    ("lt", Comparison::Less),
    ("le", Comparison::LessOrEqual),
];

const OTHERS: &[&str] = &[
    "in",
    "text_in",
    "contains",
    "starts_with",
    "regex",
    "exists",
    "type_is",
    "all",
    "any",
    "not",
    "else",
];

impl Condition {
    /// The condition that always holds: a transition without `when`.
    pub(crate) fn always() -> Self {
        Self { test: Test::Always, source: "always".to_owned() }
    }

    pub(crate) fn read(reader: &Reader<'_>) -> Option<Self> {
        let test = Test::read(reader, CONDITION_DEPTH_MAX)?;
        Some(Self { test, source: text::cut(&reader.value.to_string(), 200).to_owned() })
    }

    /// Whether it holds whatever happens.
    pub(crate) fn is_always(&self) -> bool {
        matches!(self.test, Test::Always)
    }

    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    pub(crate) fn holds(&self, render: &mut Render<'_>) -> bool {
        self.test.holds(render)
    }

    /// The kinds of content that it asks about, beside text.
    pub(crate) fn kinds(&self) -> Kinds {
        let mut kinds = Kinds::default();
        self.test.each(&mut |test| {
            if let Test::KindIs(asked) = test {
                kinds = kinds.and(*asked);
            }
        });
        kinds
    }
}

impl Test {
    fn read(reader: &Reader<'_>, depth: usize) -> Option<Self> {
        let members = reader.value.as_object();
        let Some((word, value)) = members.filter(|m| m.len() == 1).and_then(|m| m.iter().next())
        else {
            let message = "a condition is an object with exactly one member, such as \
                           {\"text_in\":[\"yes\"]}; join several with \u{201c}all\u{201d}";
            reader.error(Code::BadCondition, message);
            return None;
        };
        let inner = reader.child(word, value);
        if depth == 0 {
            inner.error(Code::BadCondition, "conditions are nested too deep");
            return None;
        }
        if let Some((_, comparison)) = COMPARISONS.iter().find(|(name, _)| name == word) {
            let (one, other) = pair(&inner)?;
            return Some(Self::Compare(*comparison, one, other));
        }
        Some(match word.as_str() {
            "in" => {
                let (one, among) = pair(&inner)?;
                Self::In(one, among)
            }
            "text_in" => Self::TextIn(words(&inner)?),
            "contains" => Self::Contains(words(&inner)?),
            "starts_with" => Self::StartsWith(words(&inner)?),
            "regex" => Self::read_matches(&inner)?,
            "exists" => match bare_path(inner.text()?) {
                Ok(path) if path.root != Root::Secret => {
                    inner.refer_to_path(&path);
                    Self::Exists(path)
                }
                Ok(_) => return refuse(&inner, "secrets cannot be asked about"),
                Err(message) => return refuse(&inner, &message),
            },
            "type_is" => Self::KindIs(kinds(&inner)?),
            "all" => Self::All(Self::read_list(&inner, depth)?),
            "any" => Self::Any(Self::read_list(&inner, depth)?),
            "not" => Self::Not(Box::new(Self::read(&inner, depth - 1)?)),
            "else" if inner.flag()? => Self::Always,
            "else" => return refuse(&inner, "else can only be true"),
            unknown => {
                let shown = text::cut(unknown, 40);
                let known = COMPARISONS.iter().map(|(name, _)| *name).chain(OTHERS.iter().copied());
                let mut message = format!("no condition is called \u{201c}{shown}\u{201d}");
                if let Some(near) = nearest(unknown, known) {
                    message.push_str(&format!("; did you mean \u{201c}{near}\u{201d}?"));
                }
                return refuse(&inner, &message);
            }
        })
    }

    fn read_list(reader: &Reader<'_>, depth: usize) -> Option<Vec<Self>> {
        let items = reader.list(LIST_MAX);
        if items.is_empty() {
            return refuse(reader, "there is nothing in it");
        }
        items.iter().map(|item| Self::read(item, depth - 1)).collect()
    }

    /// `"pattern"` about what the user said, or `[operand, "pattern"]`.
    fn read_matches(reader: &Reader<'_>) -> Option<Self> {
        if reader.value.is_string() {
            return Some(Self::Matches(None, pattern(reader)?));
        }
        match reader.list(2).as_slice() {
            [subject, rule] => Some(Self::Matches(Some(Data::read(subject)?), pattern(rule)?)),
            _ => refuse(reader, "this is a pattern, or a list of a value and a pattern"),
        }
    }

    fn holds(&self, render: &mut Render<'_>) -> bool {
        let heard = render.scope.heard;
        match self {
            Self::Always => true,
            Self::Compare(comparison, one, other) => {
                let (one, other) = (one.value(render), other.value(render));
                comparison.holds(&one, &other)
            }
            Self::In(one, among) => {
                let one = one.value(render);
                match among.value(render) {
                    Value::Array(items) => items.iter().any(|item| equal(&one, item)),
                    _ => false,
                }
            }
            Self::TextIn(words) => heard.kind == ContentKind::Text && words.contains(&heard.folded),
            Self::Contains(words) => words.iter().any(|word| heard.folded.contains(word.as_str())),
            Self::StartsWith(words) => {
                words.iter().any(|word| heard.folded.starts_with(word.as_str()))
            }
            Self::Matches(None, regex) => {
                heard.kind == ContentKind::Text && regex.is_match(&text::nfc(&heard.content))
            }
            Self::Matches(Some(subject), regex) => match subject.value(render) {
                Value::String(subject) => regex.is_match(&text::nfc(&subject)),
                Value::Null => false,
                other => regex.is_match(&other.to_string()),
            },
            Self::Exists(path) => {
                render.scope.find(path).is_some_and(|value| value.as_str() != Some(""))
            }
            Self::KindIs(kinds) => kinds.has(heard.kind),
            Self::All(tests) => tests.iter().all(|test| test.holds(render)),
            Self::Any(tests) => tests.iter().any(|test| test.holds(render)),
            Self::Not(test) => !test.holds(render),
        }
    }

    /// Calls `see` with this and everything in it.
    fn each<'t>(&'t self, see: &mut dyn FnMut(&'t Self)) {
        see(self);
        match self {
            Self::All(tests) | Self::Any(tests) => tests.iter().for_each(|test| test.each(see)),
            Self::Not(test) => test.each(see),
            _ => {}
        }
    }
}

impl Comparison {
    fn holds(self, one: &Value, other: &Value) -> bool {
        match self {
            Self::Equal => equal(one, other),
            Self::NotEqual => !equal(one, other),
            Self::Greater => order(one, other) == Some(Ordering::Greater),
            Self::GreaterOrEqual => order(one, other).is_some_and(Ordering::is_ge),
            Self::Less => order(one, other) == Some(Ordering::Less),
            Self::LessOrEqual => order(one, other).is_some_and(Ordering::is_le),
        }
    }
}

/// Equal as people mean it: numbers by their value, also against a text that is one; texts composed
/// alike, and otherwise to the letter.
fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::String(one), Value::String(other)) => text::nfc(one) == text::nfc(other),
        (Value::Number(_), Value::Number(_) | Value::String(_))
        | (Value::String(_), Value::Number(_)) => {
            number(one).is_some() && number(one) == number(other)
        }
        _ => one == other,
    }
}

/// Which comes first: numbers and texts that are numbers by their value, other texts by their
/// characters (so that dates come in order). Nothing else has an order.
fn order(one: &Value, other: &Value) -> Option<Ordering> {
    if let (Some(one), Some(other)) = (number(one), number(other)) {
        return one.partial_cmp(&other);
    }
    match (one, other) {
        (Value::String(one), Value::String(other)) => Some(text::nfc(one).cmp(&text::nfc(other))),
        _ => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

fn pair(reader: &Reader<'_>) -> Option<(Data, Data)> {
    match reader.list(2).as_slice() {
        [one, other] => Some((Data::read(one)?, Data::read(other)?)),
        _ => refuse(reader, "this is a list of two values"),
    }
}

/// One word, or a list of them, as they are compared.
fn words(reader: &Reader<'_>) -> Option<Vec<String>> {
    let items = if reader.value.is_string() { vec![reader.clone()] } else { reader.list(LIST_MAX) };
    if items.is_empty() {
        return refuse(reader, "this is a text, or a list of texts");
    }
    let words = items.iter().map(|item| {
        let word = item.label(PATTERN_CHARS_MAX)?;
        if word.contains("{{") {
            return refuse(item, "there are no templates here; compare with eq");
        }
        Some(text::fold(word))
    });
    words.collect()
}

fn kinds(reader: &Reader<'_>) -> Option<Kinds> {
    let items =
        if reader.value.is_string() { vec![reader.clone()] } else { reader.list(KINDS.len()) };
    if items.is_empty() {
        return refuse(reader, "this is text, photo, video or audio, or a list of them");
    }
    items.iter().map(|item| item.word(KINDS)).collect::<Option<Vec<_>>>().map(Kinds::of)
}

/// Reads a regular expression, of an engine whose time is linear in the text.
pub(crate) fn pattern(reader: &Reader<'_>) -> Option<Regex> {
    let source = reader.label(PATTERN_CHARS_MAX)?;
    if !reader.issues.count_pattern() {
        reader.error(Code::TooLarge, "there are too many regular expressions");
        return None;
    }
    let built = RegexBuilder::new(&text::nfc(source))
        .size_limit(PATTERN_BYTES_MAX)
        .dfa_size_limit(PATTERN_BYTES_MAX)
        .nest_limit(32)
        .build();
    match built {
        Ok(regex) => Some(regex),
        Err(regex::Error::CompiledTooBig(_)) => {
            reader.error(Code::BadPattern, "this regular expression is too large");
            None
        }
        Err(error) => {
            // The last line says what is wrong; those above draw a picture of it.
            let error = error.to_string();
            let last = error.lines().last().unwrap_or_default();
            reader.error(Code::BadPattern, format!("not a regular expression: {last}"));
            None
        }
    }
}

fn refuse<T>(reader: &Reader<'_>, message: &str) -> Option<T> {
    reader.error(Code::BadCondition, message);
    None
}

#[cfg(test)]
mod tests {
    use maru_activity::Timestamp;
    use serde_json::{Map, json};

    use super::*;
    use crate::input::Heard;
    use crate::issue::Issues;
    use crate::template::Scope;

    fn holds(condition: &Value, kind: ContentKind, content: &str) -> bool {
        let issues = Issues::default();
        let condition = Condition::read(&Reader::new(condition, String::new(), &issues)).unwrap();
        let slots = json!({ "n": 3, "t": "10", "empty": "", "list": ["a", 2], "null": null });
        let vars = Map::new();
        condition.holds(&mut Render::new(
            Scope {
                slots: slots.as_object().unwrap(),
                vars: &vars,
                user_key: "u",
                heard: &Heard::new(kind, content),
                response: None,
                now: Timestamp::default(),
                offset_secs: 0,
            },
            10_000,
        ))
    }

    #[test]
    fn each_condition_holds_when_it_says() {
        for (condition, content, expected) in [
            (json!({ "eq": ["{{slot.n}}", 3] }), "", true),
            (json!({ "eq": ["{{slot.n}}", "3.0"] }), "", true),
            (json!({ "eq": ["{{slot.t}}", "10.0"] }), "", false),
            (json!({ "eq": ["x", "X"] }), "", false),
            (json!({ "eq": ["{{slot.none}}", null] }), "", true),
            (json!({ "eq": ["각", "\u{1100}\u{1161}\u{11a8}"] }), "", true),
            (json!({ "eq": [true, "true"] }), "", false),
            (json!({ "ne": ["{{slot.n}}", 4] }), "", true),
            (json!({ "gt": ["{{slot.t}}", "9"] }), "", true),
            (json!({ "gt": ["{{slot.none}}", 0] }), "", false),
            (json!({ "le": ["{{slot.none}}", 0] }), "", false),
            (json!({ "lt": ["2026-11-21", "2026-12-01"] }), "", true),
            (json!({ "ge": [3, "{{slot.n}}"] }), "", true),
            (json!({ "gt": ["nan", 1] }), "", false),
            (json!({ "in": [2, "{{slot.list}}"] }), "", true),
            (json!({ "in": ["b", "{{slot.list}}"] }), "", false),
            (json!({ "in": ["{{content}}", ["a", "b"]] }), "b", true),
            (json!({ "text_in": "Yes" }), " yES\n", true),
            (json!({ "text_in": ["yes"] }), "yes!", false),
            (json!({ "contains": ["coffee", "커피"] }), "아이스 커피요", true),
            (json!({ "starts_with": "아이스" }), "아이스 커피요", true),
            (json!({ "starts_with": "커피" }), "아이스 커피요", false),
            (json!({ "regex": "^\\d+$" }), "42", true),
            (json!({ "regex": "^커피$" }), "\u{110f}\u{1165}\u{1111}\u{1175}", true),
            (json!({ "regex": ["{{slot.n}}", "^3$"] }), "", true),
            (json!({ "exists": "slot.n" }), "", true),
            (json!({ "exists": "{{ slot.empty }}" }), "", false),
            (json!({ "exists": "slot.null" }), "", false),
            (json!({ "type_is": ["photo", "text"] }), "", true),
            (json!({ "type_is": "photo" }), "", false),
            (json!({ "all": [{ "else": true }, { "not": { "else": true } }] }), "", false),
            (json!({ "any": [{ "not": { "else": true } }, { "else": true }] }), "", true),
        ] {
            assert_eq!(holds(&condition, ContentKind::Text, content), expected, "{condition}");
        }
    }

    #[test]
    fn the_address_of_a_picture_says_nothing() {
        let address = "https://pictures.example/yes.jpg";
        for condition in
            [json!({ "contains": "yes" }), json!({ "regex": "yes" }), json!({ "text_in": address })]
        {
            assert!(!holds(&condition, ContentKind::Photo, address), "{condition}");
        }
    }
}
