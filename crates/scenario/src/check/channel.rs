//! Whether a channel can show what a scenario says.

use std::borrow::Cow;

use maru_content::limits::{KAKAO_PLUS_FRIEND, KAKAO_SKILL, NAVER_TALKTALK};

use crate::file::{Asked, Kind, Node, Saying, Scenario};
use crate::input::{ContentKind, Kinds};
use crate::issue::{Code, Issues};
use crate::json::join;
use crate::template::Template;
use crate::text;

/// What a channel can show and take, as far as a scenario is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The channel's name, as an author knows it.
    pub name: Cow<'static, str>,
    /// The most characters of a text.
    pub text_chars_max: usize,
    /// The most buttons of a keyboard.
    pub buttons_max: usize,
    /// The most characters of a button's label.
    pub label_chars_max: usize,
    /// The most characters of a link button's label.
    pub link_chars_max: usize,
    /// The most bubbles of a turn.
    pub bubbles_max: usize,
    /// Whether it shows pictures.
    pub images: bool,
    /// Whether it shows link buttons.
    pub links: bool,
    /// Whether something can be said to the user who said nothing.
    pub push: bool,
    /// What users can send.
    pub kinds: Kinds,
}

impl Capabilities {
    /// Kakao's auto reply, which ended in 2019, and every bot that speaks it still.
    pub const PLUS_FRIEND: Self = Self::of("Kakao Plus Friend", &KAKAO_PLUS_FRIEND, Kinds::ALL);
    /// Kakao i Open Builder. Pictures from users come by a plug-in only.
    pub const OPEN_BUILDER: Self = Self::of("Kakao Open Builder", &KAKAO_SKILL, Kinds::TEXT);
    /// Naver TalkTalk.
    pub const TALKTALK: Self = Self::of("Naver TalkTalk", &NAVER_TALKTALK, Kinds::TEXT_AND_PHOTO);
    /// Those above.
    pub const KNOWN: [Self; 3] = [Self::PLUS_FRIEND, Self::OPEN_BUILDER, Self::TALKTALK];

    /// By the house's one table of limits: a scenario's buttons are quick replies there, its links are
    /// buttons of a card. What users can send stands in no table.
    pub const fn of(name: &'static str, limits: &maru_content::Capabilities, kinds: Kinds) -> Self {
        let (buttons_max, label_chars_max) = match limits.quick {
            Some(quick) => (quick.count_max, quick.label_max),
            None => (0, 0),
        };
        let (links, link_chars_max) = match limits.card {
            Some(card) => (card.links, card.label_max),
            None => (false, 0),
        };
        Self {
            name: Cow::Borrowed(name),
            text_chars_max: limits.text_max,
            buttons_max,
            label_chars_max,
            link_chars_max,
            bubbles_max: limits.bubbles_max,
            images: limits.shows.images,
            links,
            push: limits.push,
            kinds,
        }
    }
}

pub(super) fn check(scenario: &Scenario, channel: &Capabilities, issues: &Issues) {
    for node in scenario.nodes.values() {
        let pointer = join("/nodes", &node.id);
        Checking { channel, issues, pointer }.node(scenario, node);
    }
    for (name, consent) in &scenario.consents {
        let checking = Checking { channel, issues, pointer: join("/consents", name) };
        checking.text("text", text::length(&consent.text));
        checking.label("agree", text::length(&consent.agree));
        checking.label("decline", text::length(&consent.decline));
    }
}

struct Checking<'c> {
    channel: &'c Capabilities,
    issues: &'c Issues,
    pointer: String,
}

impl Checking<'_> {
    fn warn(&self, place: &str, code: Code, what: &str) {
        let pointer = if place.is_empty() {
            self.pointer.clone()
        } else {
            format!("{}/{place}", self.pointer)
        };
        self.issues.warning(pointer, code, format!("{}: {what}", self.channel.name));
    }

    fn node(&self, scenario: &Scenario, node: &Node) {
        if let Some(bubble) = &node.message {
            self.bubble("message", bubble);
        }
        if let Some(bubble) = &node.reprompt {
            self.bubble("reprompt", bubble);
        }
        match &node.kind {
            Kind::Select { choices } => {
                self.count("choices", choices.len());
                for (at, choice) in choices.iter().enumerate() {
                    self.label(&format!("choices/{at}/label"), choice.label.literal_chars());
                }
            }
            Kind::Slot { slot, .. } => {
                let Some(slot) = scenario.slots.get(slot) else { return };
                if matches!(node.asked, Asked::Values) {
                    let buttons = slot.buttons();
                    self.count("keyboard", buttons.len());
                    let longest = buttons.iter().map(|label| text::length(label)).max();
                    self.label("keyboard", longest.unwrap_or(0));
                }
                let photo = slot.accepts().has(ContentKind::Photo);
                if photo && !self.channel.kinds.has(ContentKind::Photo) {
                    self.warn("", Code::ChannelContent, "users can send no pictures");
                }
            }
            Kind::Handoff { .. } if !self.channel.push => {
                let what = "what an agent says is shown when the user writes again";
                self.warn("", Code::ChannelPush, what);
            }
            _ => {}
        }
        if let Asked::Buttons(labels) = &node.asked {
            self.count("keyboard", labels.len());
            for (at, label) in labels.iter().enumerate() {
                self.label(&format!("keyboard/{at}"), label.literal_chars());
            }
        }
    }

    fn bubble(&self, place: &str, bubble: &Saying) {
        let length = bubble.text.as_ref().map_or(0, Template::literal_chars);
        self.text(&format!("{place}/text"), length);
        if bubble.image.is_some() && !self.channel.images {
            self.warn(&format!("{place}/image"), Code::ChannelContent, "pictures are not shown");
        }
        if let Some(link) = &bubble.link {
            if !self.channel.links {
                self.warn(&format!("{place}/link"), Code::ChannelContent, "links are not shown");
            }
            let place = format!("{place}/link/label");
            self.label_of(&place, link.label.literal_chars(), self.channel.link_chars_max);
        }
    }

    fn text(&self, place: &str, length: usize) {
        let most = self.channel.text_chars_max;
        if length > most {
            let what = format!("a text of {length} characters is cut at {most}");
            self.warn(place, Code::ChannelText, &what);
        }
    }

    fn label(&self, place: &str, length: usize) {
        self.label_of(place, length, self.channel.label_chars_max);
    }

    fn label_of(&self, place: &str, length: usize, most: usize) {
        if length > most {
            let what = format!("a label of {length} characters is shortened to {most}");
            self.warn(place, Code::ChannelLabel, &what);
        }
    }

    fn count(&self, place: &str, buttons: usize) {
        let most = self.channel.buttons_max;
        if buttons > most {
            let what = format!("of {buttons} buttons the first {most} are shown");
            self.warn(place, Code::ChannelButtons, &what);
        }
    }
}
