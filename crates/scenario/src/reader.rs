//! Taking a scenario file apart: every value with its place, every mistake noted, none the last.

use std::cell::RefCell;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::issue::{Code, Issue, Issues, Reference, Referred, Severity};
use crate::json::join;
use crate::limits::ID_CHARS_MAX;
use crate::template::{Path, Root};
use crate::text;

/// A value of the file, and where it stands. What it reads comes back as `None` when it is not
/// right, after that was noted.
#[derive(Clone)]
pub(crate) struct Reader<'a> {
    pub(crate) value: &'a Value,
    pub(crate) pointer: String,
    pub(crate) issues: &'a Issues,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(value: &'a Value, pointer: String, issues: &'a Issues) -> Self {
        Self { value, pointer, issues }
    }

    pub(crate) fn error(&self, code: Code, message: impl Into<String>) {
        self.note(Severity::Error, code, message.into());
    }

    pub(crate) fn warning(&self, code: Code, message: impl Into<String>) {
        self.note(Severity::Warning, code, message.into());
    }

    fn note(&self, severity: Severity, code: Code, message: String) {
        self.issues.add(Issue { severity, pointer: self.pointer.clone(), code, message });
    }

    /// Remembers that this place names something, to be looked up once the whole file is read.
    pub(crate) fn refer(&self, to: Referred, name: &str) {
        let (pointer, name) = (self.pointer.clone(), name.to_owned());
        self.issues.refer(Reference { pointer, to, name, literal: None });
    }

    /// Remembers that this place writes to a slot, and what, if the file says.
    pub(crate) fn refer_written(&self, name: &str, literal: Option<Value>) {
        let (pointer, name) = (self.pointer.clone(), name.to_owned());
        self.issues.refer(Reference { pointer, to: Referred::SlotWritten, name, literal });
    }

    pub(crate) fn refer_to_path(&self, path: &Path) {
        if path.root == Root::Slot {
            self.refer(Referred::Slot, path.name());
        }
    }

    /// The id of a node that is led to.
    pub(crate) fn node_id(&self) -> Option<String> {
        let id = self.label(ID_CHARS_MAX)?;
        self.refer(Referred::Node, id);
        Some(id.to_owned())
    }

    fn wrong_type(&self, wanted: &str) {
        self.error(Code::WrongType, format!("this has to be {wanted}"));
    }

    pub(crate) fn text(&self) -> Option<&'a str> {
        let text = self.value.as_str();
        if text.is_none() {
            self.wrong_type("a text");
        }
        text
    }

    /// A text that says something, of at most `chars_max` characters.
    pub(crate) fn label(&self, chars_max: usize) -> Option<&'a str> {
        let text = self.text()?;
        if text.trim().is_empty() {
            self.error(Code::EmptyText, "this may not be empty");
            return None;
        }
        let length = text::length(text);
        if length > chars_max {
            let message = format!("this has {length} characters; there may be {chars_max}");
            self.error(Code::TextTooLong, message);
            return None;
        }
        Some(text)
    }

    pub(crate) fn flag(&self) -> Option<bool> {
        let flag = self.value.as_bool();
        if flag.is_none() {
            self.wrong_type("true or false");
        }
        flag
    }

    pub(crate) fn number(&self) -> Option<f64> {
        let number = self.value.as_f64();
        if number.is_none() {
            self.wrong_type("a number");
        }
        number
    }

    /// A whole number within `range`.
    pub(crate) fn integer(&self, range: RangeInclusive<u64>) -> Option<u64> {
        let Some(number) = self.value.as_u64() else {
            self.wrong_type("a whole number");
            return None;
        };
        if !range.contains(&number) {
            let (least, most) = (range.start(), range.end());
            self.error(Code::BadValue, format!("this has to be from {least} to {most}"));
            return None;
        }
        Some(number)
    }

    /// One of several words.
    pub(crate) fn word<T: Copy>(&self, words: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let mut message = format!("\u{201c}{}\u{201d} is not known here", text::cut(text, 40));
            match nearest(text, names.iter().copied()) {
                Some(name) => message.push_str(&format!("; did you mean \u{201c}{name}\u{201d}?")),
                None => message.push_str(&format!("; it is one of {}", names.join(", "))),
            }
            self.error(Code::BadValue, message);
        }
        found
    }

    /// The items of a list of at most `most`.
    pub(crate) fn list(&self, most: usize) -> Vec<Self> {
        let Some(items) = self.value.as_array() else {
            self.wrong_type("a list");
            return Vec::new();
        };
        if items.len() > most {
            self.too_many(items.len(), most);
            return Vec::new();
        }
        let items = items.iter().enumerate();
        items.map(|(at, item)| self.child(&at.to_string(), item)).collect()
    }

    /// The members of an object whose names the author chose, at most `most`.
    pub(crate) fn entries(&self, most: usize) -> Vec<(&'a str, Self)> {
        let Some(map) = self.value.as_object() else {
            self.wrong_type("an object");
            return Vec::new();
        };
        if map.len() > most {
            self.too_many(map.len(), most);
            return Vec::new();
        }
        map.iter().map(|(name, value)| (name.as_str(), self.child(name, value))).collect()
    }

    /// The members of an object whose names the language knows.
    pub(crate) fn members(&self) -> Option<Members<'a>> {
        let Some(map) = self.value.as_object() else {
            self.wrong_type("an object");
            return None;
        };
        Some(Members { reader: self.clone(), map, known: RefCell::default() })
    }

    pub(crate) fn child(&self, segment: &str, value: &'a Value) -> Self {
        Self { value, pointer: join(&self.pointer, segment), issues: self.issues }
    }

    fn too_many(&self, there_are: usize, most: usize) {
        self.error(Code::TooLarge, format!("there are {there_are}; there may be {most}"));
    }
}

/// An object of the file. What is asked for by name is known; [`Members::close`] notes the rest.
pub(crate) struct Members<'a> {
    pub(crate) reader: Reader<'a>,
    map: &'a Map<String, Value>,
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Members<'a> {
    pub(crate) fn get(&self, name: &'static str) -> Option<Reader<'a>> {
        self.known.borrow_mut().push(name);
        self.map.get(name).map(|value| self.reader.child(name, value))
    }

    /// A member that has to be there.
    pub(crate) fn need(&self, name: &'static str) -> Option<Reader<'a>> {
        let member = self.get(name);
        if member.is_none() {
            let message = format!("\u{201c}{name}\u{201d} is missing");
            self.reader.error(Code::MissingMember, message);
        }
        member
    }

    /// Notes every member that was not asked for. Those that begin with `x-` are left to editors.
    pub(crate) fn close(self) {
        let known = self.known.into_inner();
        for (name, value) in self.map {
            if known.contains(&name.as_str()) || name.starts_with("x-") {
                continue;
            }
            let mut message = format!("\u{201c}{}\u{201d} means nothing here", text::cut(name, 40));
            if let Some(near) = nearest(name, known.iter().copied()) {
                message.push_str(&format!("; did you mean \u{201c}{near}\u{201d}?"));
            }
            self.reader.child(name, value).error(Code::UnknownMember, message);
        }
    }
}

/// The word that was probably meant.
pub(crate) fn nearest<'n>(word: &str, among: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    // Comparing costs the product of both lengths.
    if word.len() > 100 {
        return None;
    }
    among
        .map(|name| (strsim::jaro_winkler(word, name), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}
