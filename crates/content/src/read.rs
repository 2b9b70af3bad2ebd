//! Reading an activity.

use serde_json::{Map, Value};

use crate::cards;
use crate::content::NO_WORDS;
use crate::{Action, Bubble, Card, Content, Media, MediaKind, Text, TextFormat};

/// The most attachments of an activity that are looked at. What is beyond is counted in words.
const ATTACHMENTS_MAX: usize = 100;

/// The most actions that are read of one place.
const ACTIONS_MAX: usize = 200;

impl Content {
    /// Reads what an activity shows. `body` is its JSON object, as it is kept or as its sender wrote
    /// it. A message is never empty; an activity that is for no person's eyes is, and so is what is
    /// no activity at all.
    pub fn of(body: &[u8]) -> Self {
        let members: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
        let is_message = match text(&members, "type") {
            Some("message") => true,
            // Its last words.
            Some("endOfConversation") => text(&members, "text").is_some(),
            _ => false,
        };
        if !is_message {
            return Self::default();
        }
        let quick = members.get("suggestedActions").and_then(Value::as_object);
        let quick = quick.map(|quick| actions(quick, "actions")).unwrap_or_default();
        let attachments = list(&members, "attachments");
        let words = text(&members, "text").or_else(|| match (attachments, &*quick) {
            ([], []) => text(&members, "summary").or(text(&members, "speak")),
            _ => None,
        });
        let mut content = Self { bubbles: Vec::new(), quick };
        if let Some(words) = words {
            let format = format_of(text(&members, "textFormat"));
            content.bubbles.push(Bubble::Text(Text { words: words.to_owned(), format }));
        }
        let as_carousel = text(&members, "attachmentLayout") == Some("carousel");
        content.read_attachments(attachments, as_carousel);
        if content.bubbles.is_empty() {
            content.bubbles.push(Bubble::Text(Text::plain(NO_WORDS)));
        }
        content
    }

    fn read_attachments(&mut self, attachments: &[Value], as_carousel: bool) {
        let mut run: Vec<Card> = Vec::new();
        for attachment in attachments.iter().take(ATTACHMENTS_MAX).filter_map(Value::as_object) {
            let content_type = text(attachment, "contentType").unwrap_or_default();
            let card = attachment.get("content").and_then(Value::as_object);
            let read = card.and_then(|card| cards::read(content_type, card));
            match read {
                Some((card, media)) => {
                    run.extend(Some(card).filter(|card| !card.is_empty()));
                    if !media.is_empty() {
                        self.push_run(std::mem::take(&mut run), as_carousel);
                        self.bubbles.extend(media.into_iter().map(Bubble::Media));
                    }
                }
                None => {
                    self.push_run(std::mem::take(&mut run), as_carousel);
                    self.bubbles.push(file(attachment, content_type));
                }
            }
        }
        self.push_run(run, as_carousel);
        if attachments.len() > ATTACHMENTS_MAX {
            let more = attachments.len() - ATTACHMENTS_MAX;
            self.bubbles.push(Bubble::Text(Text::plain(format!("[+{more}]"))));
        }
    }

    /// Cards that follow one another.
    fn push_run(&mut self, run: Vec<Card>, as_carousel: bool) {
        if as_carousel && run.len() > 1 {
            self.bubbles.push(Bubble::Carousel(run));
        } else {
            self.bubbles.extend(run.into_iter().map(Bubble::Card));
        }
    }
}

/// An attachment that is no card.
fn file(attachment: &Map<String, Value>, content_type: &str) -> Bubble {
    if let Some(words) = text(attachment, "content") {
        let format =
            if content_type == "text/markdown" { TextFormat::Markdown } else { TextFormat::Plain };
        return Bubble::Text(Text { words: words.to_owned(), format });
    }
    Bubble::Media(Media {
        kind: MediaKind::of(content_type),
        url: text(attachment, "contentUrl").unwrap_or_default().to_owned(),
        content_type: content_type.to_owned(),
        name: text(attachment, "name").map(str::to_owned),
    })
}

fn format_of(name: Option<&str>) -> TextFormat {
    match name {
        Some("plain") => TextFormat::Plain,
        Some("xml") => TextFormat::Xml,
        _ => TextFormat::Markdown,
    }
}

/// A text member that is not empty.
pub(crate) fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// The elements of a list member; none if it is absent or something else.
fn list<'a>(object: &'a Map<String, Value>, name: &str) -> &'a [Value] {
    object.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The objects of a list member.
pub(crate) fn objects<'a>(
    object: &'a Map<String, Value>,
    name: &str,
) -> impl Iterator<Item = &'a Map<String, Value>> {
    list(object, name).iter().filter_map(Value::as_object)
}

/// The card actions of a list member.
pub(crate) fn actions(object: &Map<String, Value>, name: &str) -> Vec<Action> {
    objects(object, name).take(ACTIONS_MAX).filter_map(Action::of_card_action).collect()
}

/// What is said in these texts, each on a line of its own.
pub(crate) fn lines<'a>(texts: impl IntoIterator<Item = Option<&'a str>>) -> String {
    texts.into_iter().flatten().collect::<Vec<_>>().join("\n")
}
