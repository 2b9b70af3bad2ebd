//! Reading a whole file.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::input::{ContentKind, Kinds};
use crate::issue::{Code, Issue, Issues, Severity};
use crate::limits::{
    FILE_BYTES_MAX, FILE_DEPTH_MAX, HOPS_DEFAULT, HOPS_MAX, ID_CHARS_MAX, NAME_CHARS_MAX,
    NODES_MAX, SECTION_MAX, SESSION_SECS, SESSION_SECS_DEFAULT, TEXT_CHARS_MAX,
};
use crate::reader::{Members, Reader};
use crate::slot::Slot;
use crate::template::is_name;
use crate::{json, text};

use super::{Consent, Kind, Meta, Move, Node, OnRestart, Scenario, Webhook};

/// The format that this crate reads.
const FORMAT: &str = "chatflow/1";
/// The most characters of a locale.
const LOCALE_CHARS_MAX: usize = 35;

/// Reads a file. What is wrong with its parts is noted; whether its parts fit together is another
/// question ([`crate::check`]).
pub(crate) fn read(file: &[u8], issues: &Issues) -> Option<Scenario> {
    let root = parse(file, issues)?;
    let reader = Reader::new(&root, String::new(), issues);
    let members = reader.members()?;
    members.need("format")?.word(&[(FORMAT, ())])?;
    let name = members.need("name").and_then(|name| name.label(NAME_CHARS_MAX));
    // Editors find the JSON Schema by it.
    if let Some(schema) = members.get("$schema") {
        schema.text();
    }
    if let Some(description) = members.get("description") {
        description.label(TEXT_CHARS_MAX);
    }
    let locale = members.get("locale").and_then(|locale| locale.label(LOCALE_CHARS_MAX));
    let offset_secs = members.get("utc_offset").and_then(|offset| read_offset(&offset));
    let meta = members.need("meta").and_then(|meta| read_meta(&meta));
    let slots = section(&members, "slots", |_, reader| Slot::read(reader));
    let webhooks = section(&members, "webhooks", |_, reader| Webhook::read(reader));
    let consents = section(&members, "consents", |_, reader| Consent::read(reader));
    let globals = read_globals(&members);
    let nodes = read_nodes(&members);
    members.close();
    let mut scenario = Scenario {
        version: 0,
        name: name?.to_owned(),
        locale: locale.map(str::to_owned),
        offset_secs: offset_secs.unwrap_or(0),
        meta: meta?,
        slots,
        webhooks,
        consents,
        globals,
        nodes: nodes?,
    };
    complete_kinds(&mut scenario);
    Some(scenario)
}

fn parse(file: &[u8], issues: &Issues) -> Option<Value> {
    let note = |code, pointer: String, message: String| {
        issues.add(Issue { severity: Severity::Error, pointer, code, message });
    };
    if file.len() > FILE_BYTES_MAX {
        let message = format!("the file has {} bytes; there may be {FILE_BYTES_MAX}", file.len());
        note(Code::TooLarge, String::new(), message);
        return None;
    }
    match json::read(file, FILE_DEPTH_MAX) {
        Ok((value, twice)) => {
            for pointer in twice {
                note(Code::DuplicateMember, pointer, "this stands here twice".to_owned());
            }
            Some(value)
        }
        Err(error) => {
            let code = if error.too_deep { Code::TooLarge } else { Code::NotJson };
            note(code, String::new(), error.message);
            None
        }
    }
}

fn section<T>(
    members: &Members<'_>,
    name: &'static str,
    read: impl Fn(&str, &Reader<'_>) -> Option<T>,
) -> BTreeMap<String, T> {
    let entries = members.get(name).map(|map| map.entries(SECTION_MAX)).unwrap_or_default();
    let mut section = BTreeMap::new();
    for (name, reader) in entries {
        let name = text::nfc(name).into_owned();
        if !is_name(&name) {
            reader.error(
                Code::BadId,
                "this cannot be a name: no white space, none of . { } | : / \"",
            );
        }
        let value = read(&name, &reader);
        if section.contains_key(&name) {
            reader.error(Code::DuplicateMember, "this stands here twice");
        }
        section.extend(value.map(|value| (name, value)));
    }
    section
}

fn read_nodes(members: &Members<'_>) -> Option<BTreeMap<String, Node>> {
    let reader = members.need("nodes")?;
    let entries = reader.entries(NODES_MAX);
    let mut nodes = BTreeMap::new();
    let mut whole = true;
    for (id, reader) in entries {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if id.is_empty() || id.len() > ID_CHARS_MAX || !id.bytes().all(allowed) {
            let message = format!("a node's id has 1 to {ID_CHARS_MAX} of A-Z a-z 0-9 _ -");
            reader.error(Code::BadId, message);
        }
        match Node::read(id, &reader) {
            Some(node) => {
                nodes.insert(id.to_owned(), node);
            }
            None => whole = false,
        }
    }
    // With a part of the nodes, all that led to the others would seem to lead nowhere.
    whole.then_some(nodes)
}

fn read_globals(members: &Members<'_>) -> Vec<Move> {
    let globals = Move::read_list(members, "globals");
    if globals.iter().any(|global| global.when.is_always())
        && let Some(reader) = members.get("globals")
    {
        let message = "a global without a condition would take every message away from the nodes";
        reader.error(Code::BadCondition, message);
    }
    globals
}

fn read_meta(reader: &Reader<'_>) -> Option<Meta> {
    let members = reader.members()?;
    let entry = members.need("entry_id").and_then(|id| id.node_id());
    let exception = members.need("exception_id").and_then(|id| id.node_id());
    let timeout = members.get("session_timeout_seconds").and_then(|secs| {
        if secs.value.as_u64() == Some(0) {
            return Some(0);
        }
        secs.integer(SESSION_SECS.0.into()..=SESSION_SECS.1.into())
    });
    let on_restart = members.get("on_restart").and_then(|word| {
        word.word(&[("evaluate", OnRestart::Evaluate), ("greet", OnRestart::Greet)])
    });
    let names = |name, slots| {
        let list = members.get(name).map(|list| list.list(SECTION_MAX)).unwrap_or_default();
        let names = list.iter().filter_map(|item| {
            let name = text::nfc(item.label(NAME_CHARS_MAX)?).into_owned();
            if slots {
                item.refer(crate::issue::Referred::Slot, &name);
            }
            Some(name)
        });
        names.collect()
    };
    let (carry_slots, carry_vars) = (names("carry_slots", true), names("carry_vars", false));
    let hops = members.get("max_hops").and_then(|hops| hops.integer(1..=HOPS_MAX.into()));
    members.close();
    let small = |number: Option<u64>| number.and_then(|number| u32::try_from(number).ok());
    Some(Meta {
        entry: entry?,
        exception: exception?,
        timeout_secs: small(timeout).unwrap_or(SESSION_SECS_DEFAULT),
        on_restart: on_restart.unwrap_or(OnRestart::Evaluate),
        carry_slots,
        carry_vars,
        hops_max: small(hops).unwrap_or(HOPS_DEFAULT),
    })
}

/// `+09:00` as seconds.
fn read_offset(reader: &Reader<'_>) -> Option<i32> {
    let source = reader.text()?;
    let offset = (|| {
        let (sign, rest) = match source.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, source.strip_prefix('+')?),
        };
        let (hours, minutes) = rest.split_once(':').filter(|_| rest.len() == 5)?;
        let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
        let fits = (0..=14).contains(&hours) && (0..=59).contains(&minutes);
        fits.then_some(sign * (hours * 3600 + minutes * 60))
    })();
    if offset.is_none() {
        reader.error(Code::BadValue, "this is written like +09:00");
    }
    offset
}

/// Text is always accepted, and so is what the node's conditions, or a global's, ask about.
fn complete_kinds(scenario: &mut Scenario) {
    let asked = |moves: &[Move]| {
        moves.iter().fold(Kinds::default(), |kinds, transition| kinds.and(transition.when.kinds()))
    };
    let everywhere = asked(&scenario.globals).and(Kinds::of([ContentKind::Text]));
    for node in scenario.nodes.values_mut() {
        let slot = match &node.kind {
            Kind::Slot { slot, .. } => scenario.slots.get(slot).map(Slot::accepts),
            _ => None,
        };
        let own = node.accepts.and(asked(&node.transitions)).and(slot.unwrap_or_default());
        node.accepts = everywhere.and(own);
    }
}
