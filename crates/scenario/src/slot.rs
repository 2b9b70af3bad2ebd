//! Slots: what a scenario asks a user for, and what counts as an answer.

use jiff::civil::Date;
use regex::Regex;
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

use crate::condition::pattern;
use crate::input::{ContentKind, Kinds};
use crate::issue::Code;
use crate::limits::{BUTTONS_MAX, LABEL_CHARS_MAX, LIST_MAX, NAME_CHARS_MAX, TEXT_CHARS_MAX};
use crate::reader::{Members, Reader};
use crate::text;

/// A declared slot.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) kind: SlotKind,
    /// Whether it holds personal data: it is empty until the user consented.
    pub(crate) sensitive: bool,
    /// The consent that it needs, where the file names one.
    pub(crate) consent: Option<String>,
}

/// What a slot takes.
#[derive(Clone, Debug)]
pub(crate) enum SlotKind {
    Text { min_length: usize, max_length: usize, pattern: Option<Regex> },
    Choice { values: Vec<Named> },
    Number { min: Option<f64>, max: Option<f64>, integer: bool, units: Vec<String> },
    Phone,
    Email,
    Date,
    Boolean { yes: Named, no: Named },
    Photo,
}

/// A value, and the words for it as they are compared. Its own name is the first of them.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) value: String,
    words: Vec<String>,
}

const TYPES: &[(&str, u8)] = &[
    ("text", 0),
    ("choice", 1),
    ("number", 2),
    ("phone", 3),
    ("email", 4),
    ("date", 5),
    ("boolean", 6),
    ("photo", 7),
];

impl Slot {
    pub(crate) fn read(reader: &Reader<'_>) -> Option<Self> {
        let members = reader.members()?;
        let kind = members.need("type").and_then(|word| word.word(TYPES)).and_then(|kind| {
            Some(match kind {
                0 => read_text(&members),
                1 => SlotKind::Choice { values: read_values(&members)? },
                2 => read_number(&members)?,
                3 => SlotKind::Phone,
                4 => SlotKind::Email,
                5 => SlotKind::Date,
                6 => SlotKind::Boolean {
                    yes: read_words(&members, "yes", &["네", "예", "응", "yes", "y", "true"])?,
                    no: read_words(
                        &members,
                        "no",
                        &["아니요", "아니오", "아니", "no", "n", "false"],
                    )?,
                },
                _ => SlotKind::Photo,
            })
        });
        let sensitive = members.get("sensitive").and_then(|flag| flag.flag()).unwrap_or(false);
        let consent = members.get("consent");
        if let (Some(consent), false) = (&consent, sensitive) {
            consent.warning(Code::NoEffect, "only a sensitive slot needs a consent");
        }
        let consent = consent.and_then(|name| name.label(NAME_CHARS_MAX)).map(str::to_owned);
        members.close();
        Some(Self { kind: kind?, sensitive, consent })
    }

    /// The value that an answer means; `None` if it means none.
    pub(crate) fn value(&self, kind: ContentKind, content: &str) -> Option<Value> {
        let expected = if matches!(self.kind, SlotKind::Photo) {
            ContentKind::Photo
        } else {
            ContentKind::Text
        };
        if kind != expected {
            return None;
        }
        let trimmed = content.trim();
        match &self.kind {
            SlotKind::Text { min_length, max_length, pattern } => {
                let value = text::nfc(trimmed);
                let fits = (*min_length..=*max_length).contains(&text::length(&value))
                    && pattern.as_ref().is_none_or(|pattern| pattern.is_match(&value));
                fits.then(|| Value::from(value))
            }
            SlotKind::Choice { values } => {
                let found = pick(values.iter().map(|value| value.words.as_slice()), content)?;
                values.get(found).map(|value| Value::from(value.value.as_str()))
            }
            SlotKind::Number { min, max, integer, units } => {
                let number = parse_number(trimmed, units)?;
                let fits = min.is_none_or(|min| number >= min)
                    && max.is_none_or(|max| number <= max)
                    && (!integer || number.fract() == 0.0);
                fits.then(|| json_number(number))
            }
            SlotKind::Phone => parse_phone(trimmed).map(Value::from),
            SlotKind::Email => parse_email(trimmed).map(Value::from),
            SlotKind::Date => parse_date(trimmed).map(|date| Value::from(date.to_string())),
            SlotKind::Boolean { yes, no } => {
                let found = pick([yes.words.as_slice(), no.words.as_slice()].into_iter(), content)?;
                Some(Value::Bool(found == 0))
            }
            SlotKind::Photo => (!trimmed.is_empty()).then(|| Value::from(trimmed)),
        }
    }

    /// The value that a JSON value stands for, which is not the user's own word: a webhook's, a
    /// caller's, a `set`'s.
    pub(crate) fn value_of(&self, value: &Value) -> Option<Value> {
        let text = match (value, &self.kind) {
            (Value::Bool(_), SlotKind::Boolean { .. }) => return Some(value.clone()),
            (Value::String(text), _) => text.clone(),
            (Value::Number(number), _) => number.to_string(),
            _ => return None,
        };
        // A number is a place in a keyboard only for those who see the keyboard.
        if let SlotKind::Choice { values } = &self.kind {
            let folded = text::fold(&text);
            let found = values.iter().find(|named| named.words.contains(&folded))?;
            return Some(Value::from(found.value.as_str()));
        }
        let kind = if matches!(self.kind, SlotKind::Photo) {
            ContentKind::Photo
        } else {
            ContentKind::Text
        };
        self.value(kind, &text)
    }

    /// The buttons of a keyboard that shows its values.
    pub(crate) fn buttons(&self) -> Vec<String> {
        match &self.kind {
            SlotKind::Choice { values } => values.iter().map(|value| value.value.clone()).collect(),
            SlotKind::Boolean { yes, no } => vec![yes.value.clone(), no.value.clone()],
            _ => Vec::new(),
        }
    }

    /// Whether only certain words are an answer.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.kind, SlotKind::Choice { .. } | SlotKind::Boolean { .. })
    }

    /// What a node that asks for it accepts.
    pub(crate) fn accepts(&self) -> Kinds {
        match self.kind {
            SlotKind::Photo => Kinds::of([ContentKind::Photo]),
            _ => Kinds::of([ContentKind::Text]),
        }
    }
}

/// Which of several choices was meant: by one of its words, else by its number from 1.
pub(crate) fn pick<'w>(
    choices: impl Iterator<Item = &'w [String]> + Clone,
    content: &str,
) -> Option<usize> {
    let folded = text::fold(content);
    let named = choices.clone().position(|words| words.contains(&folded));
    named.or_else(|| {
        let number: usize = folded.parse().ok().filter(|_| !folded.starts_with('+'))?;
        (1..=choices.count()).contains(&number).then(|| number - 1)
    })
}

fn read_text(members: &Members<'_>) -> SlotKind {
    let length = |name| {
        let number = members.get(name)?.integer(0..=TEXT_CHARS_MAX as u64)?;
        usize::try_from(number).ok()
    };
    SlotKind::Text {
        // Nothing at all is no answer unless the author says so.
        min_length: length("min_length").unwrap_or(1),
        max_length: length("max_length").unwrap_or(TEXT_CHARS_MAX),
        pattern: members.get("pattern").and_then(|reader| pattern(&reader)),
    }
}

fn read_number(members: &Members<'_>) -> Option<SlotKind> {
    let bound = |name| members.get(name).map(|reader| reader.number());
    let (min, max) = (bound("min"), bound("max"));
    let units = members.get("units").map(|list| {
        list.list(LIST_MAX)
            .iter()
            .filter_map(|unit| unit.label(LABEL_CHARS_MAX).map(text::fold))
            .collect()
    });
    if let (Some(Some(min)), Some(Some(max))) = (min, max)
        && min > max
    {
        members.reader.error(Code::BadValue, "min is greater than max: no number fits");
    }
    Some(SlotKind::Number {
        min: min.flatten(),
        max: max.flatten(),
        integer: members.get("integer").and_then(|flag| flag.flag()).unwrap_or(true),
        units: units.unwrap_or_default(),
    })
}

fn read_values(members: &Members<'_>) -> Option<Vec<Named>> {
    let list = members.need("values")?;
    let mut values: Vec<Named> = Vec::new();
    for item in list.list(BUTTONS_MAX) {
        let value = text::nfc(item.label(LABEL_CHARS_MAX)?.trim()).into_owned();
        let word = text::fold(&value);
        if values.iter().any(|other| other.words.contains(&word)) {
            item.error(Code::DuplicateButton, "this value is there already");
        }
        values.push(Named { value, words: vec![word] });
    }
    if values.is_empty() {
        list.error(Code::NoChoices, "there are no values to choose from");
    }
    for (name, words) in
        members.get("synonyms").map(|map| map.entries(LIST_MAX)).unwrap_or_default()
    {
        let folded = text::fold(name);
        let Some(at) = values.iter().position(|value| value.words.first() == Some(&folded)) else {
            words.error(Code::BadValue, "this is not among the values");
            continue;
        };
        for word in words.list(LIST_MAX) {
            let Some(folded) = word.label(LABEL_CHARS_MAX).map(text::fold) else { continue };
            if values.iter().enumerate().any(|(i, v)| i != at && v.words.contains(&folded)) {
                word.error(Code::BadValue, "this already means another value");
            }
            if let Some(value) = values.get_mut(at) {
                value.words.push(folded);
            }
        }
    }
    Some(values)
}

fn read_words(members: &Members<'_>, name: &'static str, usual: &[&str]) -> Option<Named> {
    let words: Vec<&str> = match members.get(name) {
        Some(list) => {
            let items = list.list(LIST_MAX);
            if items.is_empty() {
                list.error(Code::NoChoices, "there has to be a word for it");
            }
            items.iter().map(|item| item.label(LABEL_CHARS_MAX)).collect::<Option<_>>()?
        }
        None => usual.to_vec(),
    };
    Some(Named {
        value: text::nfc(words.first()?.trim()).into_owned(),
        words: words.iter().map(|word| text::fold(word)).collect(),
    })
}

/// A number as people write it: `3`, `1,200`, `３`, `2잔` where 잔 is among the units.
fn parse_number(text: &str, units: &[String]) -> Option<f64> {
    let folded = text::fold(&text.nfkc().collect::<String>());
    let bare = units
        .iter()
        .filter_map(|unit| folded.strip_suffix(unit.as_str()))
        .min_by_key(|rest| rest.len())
        .unwrap_or(&folded)
        .trim();
    let plain = bare.replace(',', "");
    let digits = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+');
    if plain.is_empty() || !plain.chars().all(digits) {
        return None;
    }
    plain.parse().ok().filter(|number: &f64| number.is_finite() && number.abs() < 1e15)
}

/// Whole numbers stay whole in JSON.
fn json_number(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and below 1e15")]
    if number.fract() == 0.0 { Value::from(number as i64) } else { Value::from(number) }
}

/// A Korean number that begins with 0, or an international one that begins with + (E.164): its
/// digits alone.
fn parse_phone(text: &str) -> Option<String> {
    let mut digits = String::new();
    for c in text.nfkc() {
        match c {
            '+' if digits.is_empty() => digits.push(c),
            '0'..='9' => digits.push(c),
            ' ' | '-' | '.' | '(' | ')' => {}
            _ => return None,
        }
    }
    let fits = match digits.strip_prefix('+') {
        Some(rest) => (8..=15).contains(&rest.len()) && !rest.starts_with('0'),
        None => (9..=11).contains(&digits.len()) && digits.starts_with('0'),
    };
    fits.then_some(digits)
}

/// Something with one @ and a domain; whether it is anyone's only a message to it can tell.
fn parse_email(text: &str) -> Option<String> {
    let (user, domain) = text.split_once('@')?;
    let plain =
        |part: &str| part.chars().all(|c| !c.is_whitespace() && !c.is_control() && c != '@');
    let labels: Vec<&str> = domain.split('.').collect();
    let fits = text.len() <= 254
        && (1..=64).contains(&user.len())
        && plain(user)
        && plain(domain)
        && labels.len() >= 2
        && labels.iter().all(|label| !label.is_empty() && label.len() <= 63);
    fits.then(|| text.to_owned())
}

/// `2026-11-21`, `2026.11.21`, `2026/11/21`, `20261121`, `2026년 11월 21일`.
fn parse_date(text: &str) -> Option<Date> {
    let plain: String = text.nfkc().collect::<String>().nfc().collect();
    let numbers: Vec<&str> = match plain.len() {
        8 if plain.bytes().all(|b| b.is_ascii_digit()) => {
            vec![plain.get(..4)?, plain.get(4..6)?, plain.get(6..)?]
        }
        _ => {
            let separator = |c: char| c.is_whitespace() || "-./년월일".contains(c);
            if !plain.chars().all(|c| c.is_ascii_digit() || separator(c)) {
                return None;
            }
            plain.split(separator).filter(|part| !part.is_empty()).collect()
        }
    };
    let [year, month, day] = numbers.as_slice() else { return None };
    Date::new(
        year.parse().ok().filter(|_| year.len() == 4)?,
        month.parse().ok()?,
        day.parse().ok()?,
    )
    .ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::issue::Issues;

    fn slot(json: &Value) -> Slot {
        let issues = Issues::default();
        let slot = Slot::read(&Reader::new(json, String::new(), &issues)).unwrap();
        assert!(!issues.has_errors(), "{json}");
        slot
    }

    #[test]
    fn each_type_takes_what_people_write_and_nothing_else() {
        let decomposed: String = "카페".nfd().collect();
        for (declared, content, value) in [
            (json!({ "type": "text" }), "  hi ", json!("hi")),
            (json!({ "type": "text" }), " ", Value::Null),
            (json!({ "type": "text", "min_length": 0 }), " ", json!("")),
            (json!({ "type": "text", "max_length": 2 }), &decomposed, json!("카페")),
            (json!({ "type": "text", "max_length": 1 }), "카페", Value::Null),
            (json!({ "type": "text", "pattern": "^[가-힣]+$" }), &decomposed, json!("카페")),
            (json!({ "type": "text", "pattern": "^[가-힣]+$" }), "cafe", Value::Null),
            (json!({ "type": "choice", "values": ["Latte", "2"] }), " LATTE", json!("Latte")),
            (json!({ "type": "choice", "values": ["Latte", "카페"] }), &decomposed, json!("카페")),
            // A value comes before a number.
            (json!({ "type": "choice", "values": ["2", "x"] }), "2", json!("2")),
            (json!({ "type": "choice", "values": ["2", "x"] }), "1", json!("2")),
            (json!({ "type": "choice", "values": ["2", "x"] }), "3", Value::Null),
            (json!({ "type": "choice", "values": ["2", "x"] }), "+1", Value::Null),
            (json!({ "type": "number" }), "1,200", json!(1200)),
            (json!({ "type": "number" }), "３", json!(3)),
            (json!({ "type": "number" }), "-3", json!(-3)),
            (json!({ "type": "number" }), "1.5", Value::Null),
            (json!({ "type": "number", "integer": false }), "1.5", json!(1.5)),
            (json!({ "type": "number" }), "1e3", Value::Null),
            (json!({ "type": "number" }), "inf", Value::Null),
            (json!({ "type": "number" }), "3잔", Value::Null),
            (json!({ "type": "number", "units": ["잔", "cups"] }), "3 잔", json!(3)),
            (json!({ "type": "number", "units": ["잔", "cups"] }), "3 CUPS", json!(3)),
            (json!({ "type": "number", "min": 1, "max": 2 }), "2", json!(2)),
            (json!({ "type": "number", "min": 1, "max": 2 }), "3", Value::Null),
            (json!({ "type": "phone" }), "010-1234-5678", json!("01012345678")),
            (json!({ "type": "phone" }), "＋82 10 1234 5678", json!("+821012345678")),
            (json!({ "type": "phone" }), "1234-5678", Value::Null),
            (json!({ "type": "phone" }), "010-1234-567x", Value::Null),
            (json!({ "type": "phone" }), "+0123456789", Value::Null),
            (json!({ "type": "email" }), "a.b+c@mail.example.org", json!("a.b+c@mail.example.org")),
            (json!({ "type": "email" }), "a@b", Value::Null),
            (json!({ "type": "email" }), "a@b@c.org", Value::Null),
            (json!({ "type": "email" }), "a b@c.org", Value::Null),
            (json!({ "type": "date" }), "2028.2.29", json!("2028-02-29")),
            (json!({ "type": "date" }), "2026년 11월 3일", json!("2026-11-03")),
            (json!({ "type": "date" }), "20261103", json!("2026-11-03")),
            (json!({ "type": "date" }), "2026-02-29", Value::Null),
            (json!({ "type": "date" }), "11-03-2026", Value::Null),
            (json!({ "type": "date" }), "tomorrow", Value::Null),
            (json!({ "type": "boolean" }), "네", json!(true)),
            (json!({ "type": "boolean" }), "NO", json!(false)),
            (json!({ "type": "boolean" }), "2", json!(false)),
            (json!({ "type": "boolean", "yes": ["sure"] }), "yes", Value::Null),
            (json!({ "type": "photo" }), "https://x.example/1.jpg", Value::Null),
        ] {
            let given = slot(&declared).value(ContentKind::Text, content).unwrap_or_default();
            assert_eq!(given, value, "{declared}: {content}");
        }
        let photo = slot(&json!({ "type": "photo" }));
        assert_eq!(photo.value(ContentKind::Photo, "https://x"), Some(json!("https://x")));
        assert_eq!(photo.value(ContentKind::Video, "https://x"), None);
    }

    #[test]
    fn a_value_from_elsewhere_is_held_to_the_same() {
        let choice = slot(&json!({ "type": "choice", "values": ["a", "b"],
            "synonyms": { "b": ["bee"] } }));
        assert_eq!(choice.value_of(&json!("BEE")), Some(json!("b")));
        assert_eq!(choice.value_of(&json!(1)), None, "a number is no place in a keyboard here");
        let number = slot(&json!({ "type": "number", "max": 5 }));
        assert_eq!(number.value_of(&json!(5)), Some(json!(5)));
        assert_eq!(number.value_of(&json!("5")), Some(json!(5)));
        assert_eq!(number.value_of(&json!(6)), None);
        assert_eq!(number.value_of(&json!([5])), None);
        assert_eq!(slot(&json!({ "type": "boolean" })).value_of(&json!(true)), Some(json!(true)));
    }
}
