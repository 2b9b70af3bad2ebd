//! What several kinds of nodes have in common: bubbles, moves, assignments.

use crate::condition::Condition;
use crate::issue::Code;
use crate::limits::{
    LABEL_CHARS_MAX, LIST_MAX, NAME_CHARS_MAX, TEMPLATE_CHARS_MAX, TEXT_CHARS_MAX,
};
use crate::reader::{Members, Reader};
use crate::template::{Data, Root, Template, bare_path};

/// What a node says: a text, a picture, a link button, or several of these.
#[derive(Clone, Debug)]
pub(crate) struct Saying {
    pub(crate) text: Option<Template>,
    pub(crate) image: Option<Image>,
    pub(crate) link: Option<Link>,
}

#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) url: Template,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) label: Template,
    pub(crate) url: Template,
}

/// The size that Kakao recommends, for pictures whose size the author left out.
const IMAGE_SIZE: (u32, u32) = (720, 630);
/// The most pixels of a picture's side.
const IMAGE_SIDE_MAX: u64 = 10_000;

impl Saying {
    pub(crate) fn read(reader: &Reader<'_>) -> Option<Self> {
        let members = reader.members()?;
        let text = members.get("text").and_then(|text| {
            text.label(TEMPLATE_CHARS_MAX)?;
            Template::read(&text, TEXT_CHARS_MAX)
        });
        let image = members.get("image").and_then(|image| Image::read(&image));
        let link = members.get("link").and_then(|link| Link::read(&link));
        let says_something =
            ["text", "image", "link"].iter().any(|name| reader.value.get(name).is_some());
        if !says_something {
            reader.error(Code::EmptyText, "this says nothing: it needs a text, an image or a link");
        }
        members.close();
        Some(Self { text, image, link })
    }
}

impl Image {
    fn read(reader: &Reader<'_>) -> Option<Self> {
        let members = reader.members()?;
        let url = members.need("url").and_then(|url| web_address(&url));
        let side = |name, usual| {
            let side = members.get(name).and_then(|side| side.integer(1..=IMAGE_SIDE_MAX));
            side.and_then(|side| u32::try_from(side).ok()).unwrap_or(usual)
        };
        let (width, height) = (side("width", IMAGE_SIZE.0), side("height", IMAGE_SIZE.1));
        members.close();
        Some(Self { url: url?, width, height })
    }
}

impl Link {
    pub(crate) fn read(reader: &Reader<'_>) -> Option<Self> {
        let members = reader.members()?;
        let label = members.need("label").and_then(|label| read_label(&label));
        let url = members.need("url").and_then(|url| web_address(&url));
        members.close();
        Some(Self { label: label?, url: url? })
    }
}

/// A button's label.
pub(crate) fn read_label(reader: &Reader<'_>) -> Option<Template> {
    reader.label(TEMPLATE_CHARS_MAX)?;
    Template::read(reader, LABEL_CHARS_MAX)
}

/// The address of a picture or a page: written out up to its host, or one place alone.
fn web_address(reader: &Reader<'_>) -> Option<Template> {
    let template = Template::read(reader, TEMPLATE_CHARS_MAX)?;
    if template.is_one_place() {
        return Some(template);
    }
    check_address(reader, &template)?;
    Some(template)
}

/// That an address's scheme and host are the author's own, and http or https.
pub(crate) fn check_address(reader: &Reader<'_>, template: &Template) -> Option<()> {
    let beginning = template.literal_beginning();
    let rest = match (beginning.strip_prefix("https://"), beginning.strip_prefix("http://")) {
        (Some(rest), _) => rest,
        (None, Some(rest)) => {
            reader.warning(Code::NotHttps, "this is not https: everyone on the way can read it");
            rest
        }
        _ => {
            reader.error(Code::BadValue, "this has to begin with https:// and the host");
            return None;
        }
    };
    let host_ends = rest.find(['/', '?', '#']);
    let (host, _) = rest.split_at(host_ends.unwrap_or(rest.len()));
    let whole = template.literal().is_some() || host_ends.is_some();
    let odd = |c: char| c.is_whitespace() || c.is_control() || "@\\".contains(c);
    if host.is_empty() || host.contains(odd) || !whole {
        reader.error(Code::BadValue, "the host has to be written out here, without a user's name");
        return None;
    }
    Some(())
}

/// A way to another node, and when it is open.
#[derive(Clone, Debug)]
pub(crate) struct Move {
    pub(crate) when: Condition,
    pub(crate) to: String,
    pub(crate) set: Assign,
    pub(crate) clear_slots: bool,
}

impl Move {
    /// Reads a list of transitions.
    pub(crate) fn read_list(members: &Members<'_>, name: &'static str) -> Vec<Self> {
        let Some(list) = members.get(name) else { return Vec::new() };
        let moves: Vec<_> = list.list(LIST_MAX).iter().map(Self::read).collect();
        let always = moves.iter().flatten().position(|m| m.when.is_always());
        if always.is_some_and(|at| at + 1 < moves.len()) {
            let message = "the transitions after the one without a condition are never tried";
            list.warning(Code::NoEffect, message);
        }
        moves.into_iter().flatten().collect()
    }

    fn read(reader: &Reader<'_>) -> Option<Self> {
        let members = reader.members()?;
        let when = match members.get("when") {
            Some(when) => Condition::read(&when),
            None => Some(Condition::always()),
        };
        let to = members.need("to").and_then(|to| to.node_id());
        let set = Assign::read(&members);
        let clear_slots = read_flag(&members, "clear_slots");
        members.close();
        Some(Self { when: when?, to: to?, set, clear_slots })
    }
}

pub(crate) fn read_flag(members: &Members<'_>, name: &'static str) -> bool {
    members.get(name).and_then(|flag| flag.flag()).unwrap_or(false)
}

/// Values for slots and variables; null empties one. All are worked out before any is written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Assign(pub(crate) Vec<(Target, Data)>);

/// What is written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Slot(String),
    Var(String),
}

impl Assign {
    /// Reads the member `set`, if it is there.
    pub(crate) fn read(members: &Members<'_>) -> Self {
        let Some(set) = members.get("set") else { return Self::default() };
        let entries = set.entries(LIST_MAX);
        Self(entries.iter().filter_map(|(name, value)| Self::read_one(name, value)).collect())
    }

    fn read_one(name: &str, value: &Reader<'_>) -> Option<(Target, Data)> {
        let data = Data::read(value)?;
        let target = match bare_path(name) {
            Ok(path) if path.keys.len() == 1 && path.root == Root::Slot => {
                value.refer_written(path.name(), data.literal());
                Target::Slot(path.name().to_owned())
            }
            Ok(path) if path.keys.len() == 1 && path.root == Root::Var => {
                Target::Var(path.name().to_owned())
            }
            _ => {
                value.error(Code::BadValue, "only slot.NAME and var.NAME can be set");
                return None;
            }
        };
        Some((target, data))
    }
}

/// What a user agrees to before personal data is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Consent {
    /// Names this wording: with another one everybody is asked again.
    pub(crate) version: String,
    /// The wording, shown as it is.
    pub(crate) text: String,
    pub(crate) link: Option<Link>,
    pub(crate) agree: String,
    pub(crate) decline: String,
    pub(crate) on_declined: Option<String>,
}

impl Consent {
    pub(crate) fn read(reader: &Reader<'_>) -> Option<Self> {
        let members = reader.members()?;
        let text = |name, most| members.need(name)?.label(most).map(str::to_owned);
        let version = text("version", NAME_CHARS_MAX);
        let wording = text("text", TEXT_CHARS_MAX);
        let (agree, decline) = (text("agree", LABEL_CHARS_MAX), text("decline", LABEL_CHARS_MAX));
        let link = members.get("link").and_then(|link| Link::read(&link));
        let on_declined = members.get("on_declined").and_then(|to| to.node_id());
        let (agree, decline) = (agree?, decline?);
        if crate::text::fold(&agree) == crate::text::fold(&decline) {
            reader.error(Code::DuplicateButton, "agreeing and declining say the same");
        }
        members.close();
        Some(Self { version: version?, text: wording?, link, agree, decline, on_declined })
    }
}
