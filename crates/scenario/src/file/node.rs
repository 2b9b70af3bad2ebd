//! Nodes: the places where a user can be, and what happens between them.

use crate::input::{KINDS, Kinds};
use crate::issue::{Code, Referred};
use crate::limits::{BUTTONS_MAX, NAME_CHARS_MAX, RETRIES_DEFAULT, RETRIES_MAX};
use crate::reader::{Members, Reader};
use crate::template::{Data, Template};
use crate::text;
use crate::turn::Action;

use super::parts::{Assign, Move, Saying, read_flag, read_label};

/// A node.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) kind: Kind,
    /// What it says.
    pub(crate) message: Option<Saying>,
    /// The keyboard under it, where the kind does not decide.
    pub(crate) asked: Asked,
    pub(crate) transitions: Vec<Move>,
    pub(crate) to: Option<String>,
    /// What it says when it asks again; else what it said first.
    pub(crate) reprompt: Option<Saying>,
    /// How often a wrong answer is asked for again.
    pub(crate) retries: u32,
    pub(crate) fallback: Option<String>,
    /// What kinds of content it takes. Completed once the whole file is read.
    pub(crate) accepts: Kinds,
}

/// What kind of node it is, with what only this kind has.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Intent,
    Select { choices: Vec<Choice> },
    Slot { slot: String, always: bool, on_declined: Option<String> },
    Link,
    Custom(Call),
    Message { returns: bool },
    Condition,
    Set { set: Assign, clear_slots: bool },
    Webhook(Call),
    Jump { clear_slots: bool },
    End,
    Handoff { group: Option<String>, on_error: Option<String> },
}

/// A button, and what it does.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) label: Template,
    pub(crate) value: Option<String>,
    pub(crate) to: Option<String>,
    pub(crate) set: Assign,
    pub(crate) clear_slots: bool,
}

/// A call of a webhook.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) webhook: String,
    /// What is sent. `None`: the standard request, and the standard answer is understood.
    pub(crate) body: Option<Data>,
    pub(crate) set: Assign,
    pub(crate) on_error: Option<String>,
}

/// A keyboard as an author describes it.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    /// Free text.
    Text,
    /// The values of the slot.
    Values,
    /// These buttons.
    Buttons(Vec<Template>),
}

#[derive(Clone, Copy)]
enum Word {
    Intent,
    Select,
    Slot,
    Link,
    Custom,
    Message,
    Condition,
    Set,
    Webhook,
    Jump,
    End,
    Handoff,
}

const WORDS: &[(&str, Word)] = &[
    ("intent", Word::Intent),
    ("select", Word::Select),
    ("slot", Word::Slot),
    ("link", Word::Link),
    ("custom", Word::Custom),
    ("message", Word::Message),
    ("condition", Word::Condition),
    ("set", Word::Set),
    ("webhook", Word::Webhook),
    ("jump", Word::Jump),
    ("end", Word::End),
    ("handoff", Word::Handoff),
];

impl Kind {
    /// The type as the file has it.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Select { .. } => "select",
            Self::Slot { .. } => "slot",
            Self::Link => "link",
            Self::Custom(_) => "custom",
            Self::Message { .. } => "message",
            Self::Condition => "condition",
            Self::Set { .. } => "set",
            Self::Webhook(_) => "webhook",
            Self::Jump { .. } => "jump",
            Self::End => "end",
            Self::Handoff { .. } => "handoff",
        }
    }

    /// What callers are told that such a node waits for.
    pub(crate) fn action(&self) -> Action {
        match self {
            Self::Intent => Action::Intent,
            Self::Select { .. } => Action::Select,
            Self::Slot { .. } => Action::Slot,
            Self::Link => Action::Link,
            _ => Action::Custom,
        }
    }
}

impl Node {
    pub(crate) fn read(id: &str, reader: &Reader<'_>) -> Option<Self> {
        let members = reader.members()?;
        let word = members.need("type").and_then(|word| word.word(WORDS))?;
        let name = members.get("name").and_then(|name| name.label(NAME_CHARS_MAX));
        let mut node = Self {
            id: id.to_owned(),
            name: name.map(str::to_owned),
            kind: Kind::Condition,
            message: read_message(&members, word),
            asked: Asked::Text,
            transitions: Vec::new(),
            to: None,
            reprompt: None,
            retries: 0,
            fallback: None,
            accepts: Kinds::default(),
        };
        let kind = node.read_kind(&members, word);
        if !matches!(word, Word::Jump | Word::End | Word::Handoff) {
            node.transitions = Move::read_list(&members, "transitions");
        }
        match word {
            Word::Jump | Word::Handoff => node.to = members.need("to").and_then(|to| to.node_id()),
            Word::End => {}
            _ => node.to = read_to(&members, "to"),
        }
        if matches!(word, Word::Intent | Word::Select | Word::Slot | Word::Link) {
            node.read_retries(&members);
        }
        if matches!(word, Word::Intent | Word::Slot | Word::Link) {
            node.asked = read_keyboard(&members);
        }
        if matches!(word, Word::Intent | Word::Select | Word::Slot | Word::Link | Word::Custom)
            && let Some(accept) = members.get("accept")
        {
            let kinds = accept.list(KINDS.len());
            node.accepts = Kinds::of(kinds.iter().filter_map(|kind| kind.word(KINDS)));
        }
        members.close();
        Some(Self { kind: kind?, ..node })
    }

    fn read_kind(&mut self, members: &Members<'_>, word: Word) -> Option<Kind> {
        Some(match word {
            Word::Intent => Kind::Intent,
            Word::Select => Kind::Select { choices: read_choices(members)? },
            Word::Slot => {
                let name = members.need("slot")?;
                let slot = text::nfc(name.label(NAME_CHARS_MAX)?).into_owned();
                name.refer(Referred::SlotWritten, &slot);
                let ask = members.get("ask");
                let ask = ask.and_then(|ask| ask.word(&[("if_empty", false), ("always", true)]));
                let on_declined = read_to(members, "on_declined");
                Kind::Slot { slot, always: ask.unwrap_or(false), on_declined }
            }
            Word::Link => Kind::Link,
            Word::Custom => Kind::Custom(Call::read(members, Referred::Handler)?),
            Word::Message => Kind::Message { returns: read_flag(members, "return") },
            Word::Condition => Kind::Condition,
            Word::Set => {
                members.need("set")?;
                let clear_slots = read_flag(members, "clear_slots");
                Kind::Set { set: Assign::read(members), clear_slots }
            }
            Word::Webhook => Kind::Webhook(Call::read(members, Referred::Webhook)?),
            Word::Jump => Kind::Jump { clear_slots: read_flag(members, "clear_slots") },
            Word::End => Kind::End,
            Word::Handoff => {
                let group = members.get("group").and_then(|group| group.label(NAME_CHARS_MAX));
                let on_error = read_to(members, "on_error");
                Kind::Handoff { group: group.map(str::to_owned), on_error }
            }
        })
    }

    fn read_retries(&mut self, members: &Members<'_>) {
        self.reprompt = members.get("reprompt").and_then(|bubble| Saying::read(&bubble));
        let most = members.get("max_retries");
        let most = most.map(|most| most.integer(0..=RETRIES_MAX.into()));
        self.retries = match most {
            Some(most) => most.and_then(|most| u32::try_from(most).ok()).unwrap_or(0),
            None if self.reprompt.is_some() => RETRIES_DEFAULT,
            None => 0,
        };
        self.fallback = read_to(members, "fallback");
        if let Some(on_invalid) = members.get("on_invalid") {
            if self.fallback.is_some() {
                on_invalid.error(Code::DuplicateMember, "this is another name of fallback");
            }
            self.fallback = on_invalid.node_id();
        }
    }
}

impl Call {
    fn read(members: &Members<'_>, referred: Referred) -> Option<Self> {
        let name = match (referred, members.get("handler")) {
            (Referred::Handler, Some(handler)) => {
                if let Some(webhook) = members.get("webhook") {
                    webhook.error(Code::DuplicateMember, "this is another name of handler");
                }
                handler
            }
            (_, handler) => {
                if let Some(handler) = handler {
                    handler.error(Code::UnknownMember, "only a custom node has a handler");
                }
                members.need("webhook")?
            }
        };
        let webhook = text::nfc(name.label(NAME_CHARS_MAX)?).into_owned();
        name.refer(referred, &webhook);
        let body = members.get("body").and_then(|body| Data::read(&body));
        let set = Assign::read(members);
        Some(Self { webhook, body, set, on_error: read_to(members, "on_error") })
    }
}

fn read_to(members: &Members<'_>, name: &'static str) -> Option<String> {
    members.get(name).and_then(|to| to.node_id())
}

fn read_message(members: &Members<'_>, word: Word) -> Option<Saying> {
    let reader = match word {
        Word::Intent | Word::Select | Word::Slot | Word::Link | Word::Message => {
            members.need("message")?
        }
        Word::End | Word::Handoff => members.get("message")?,
        _ => return None,
    };
    if matches!(word, Word::Link) && reader.value.is_object() && reader.value.get("link").is_none()
    {
        reader.error(Code::MissingMember, "\u{201c}link\u{201d} is missing");
    }
    Saying::read(&reader)
}

fn read_keyboard(members: &Members<'_>) -> Asked {
    let Some(reader) = members.get("keyboard") else { return Asked::Text };
    if reader.value.is_string() {
        let word = reader.word(&[("text", false), ("values", true)]);
        return if word == Some(true) { Asked::Values } else { Asked::Text };
    }
    if reader.value.as_array().is_some_and(|buttons| buttons.len() > BUTTONS_MAX) {
        reader.error(Code::TooManyButtons, format!("there may be {BUTTONS_MAX} buttons"));
        return Asked::Text;
    }
    let mut seen = Vec::new();
    let buttons = reader.list(BUTTONS_MAX);
    if buttons.is_empty() {
        reader.error(Code::NoChoices, "this is \"text\", \"values\", or a list of labels");
    }
    let buttons = buttons.iter().filter_map(|button| {
        let label = read_label(button)?;
        note_twice(button, label.source(), &mut seen);
        Some(label)
    });
    Asked::Buttons(buttons.collect())
}

fn read_choices(members: &Members<'_>) -> Option<Vec<Choice>> {
    let list = members.need("choices")?;
    if list.value.as_array().is_some_and(|choices| choices.len() > BUTTONS_MAX) {
        list.error(Code::TooManyButtons, format!("there may be {BUTTONS_MAX} buttons"));
        return None;
    }
    let choices = list.list(BUTTONS_MAX);
    if choices.is_empty() {
        list.error(Code::NoChoices, "there is nothing to choose from");
    }
    let mut seen = Vec::new();
    let choices = choices.iter().map(|reader| {
        let members = reader.members()?;
        let label = members.need("label");
        let template = label.as_ref().and_then(read_label);
        let value = members.get("value");
        let text = value.as_ref().and_then(|value| value.label(NAME_CHARS_MAX));
        if let (Some(label), Some(template)) = (&label, &template) {
            note_twice(label, template.source(), &mut seen);
        }
        let own = template.as_ref().map(|label| text::fold(label.source()));
        if let (Some(value), Some(text)) = (&value, text)
            && own.as_deref() != Some(&text::fold(text))
        {
            note_twice(value, text, &mut seen);
        }
        let to = read_to(&members, "to");
        let set = Assign::read(&members);
        let clear_slots = read_flag(&members, "clear_slots");
        members.close();
        Some(Choice { label: template?, value: text.map(str::to_owned), to, set, clear_slots })
    });
    choices.collect::<Vec<_>>().into_iter().collect()
}

fn note_twice(reader: &Reader<'_>, word: &str, seen: &mut Vec<String>) {
    let folded = text::fold(word);
    if seen.contains(&folded) {
        reader.error(Code::DuplicateButton, "another button already says this");
    }
    seen.push(folded);
}
