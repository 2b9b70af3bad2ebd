//! What a person is to see.

use maru_activity::Links;

use crate::Action;

/// What stands where there are no words to show.
pub(crate) const NO_WORDS: &str = "…";

/// All that an activity shows, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Content {
    /// What is shown. Empty only for an activity that is not meant for a person's eyes.
    pub bubbles: Vec<Bubble>,
    /// What may be pressed in answer to all of it: the suggested actions.
    pub quick: Vec<Action>,
}

/// One thing that is shown by itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Bubble {
    /// Words.
    Text(Text),
    /// A card.
    Card(Card),
    /// Cards side by side: at least two.
    Carousel(Vec<Card>),
    /// A picture, sound, film or file.
    Media(Media),
}

impl Bubble {
    /// Everything in it as words: nothing to press, and media as links.
    pub fn words(&self) -> String {
        match self {
            Self::Text(text) => text.words.clone(),
            Self::Card(card) => card.words(),
            Self::Carousel(cards) => cards.iter().map(Card::words).collect::<Vec<_>>().join("\n\n"),
            Self::Media(media) => media.to_line(),
        }
    }
}

/// How a text is marked up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TextFormat {
    /// Not at all.
    Plain,
    /// Markdown: what the Activity schema takes for granted where an activity says nothing.
    #[default]
    Markdown,
    /// The schema's small set of XML elements.
    Xml,
}

/// Words.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// The words. Never empty.
    pub words: String,
    /// How they are marked up.
    pub format: TextFormat,
}

impl Text {
    /// Words without any markup.
    pub fn plain(words: impl Into<String>) -> Self {
        Self { words: words.into(), format: TextFormat::Plain }
    }
}

/// Words, a picture, and what may be pressed, held together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Card {
    /// The title.
    pub title: Option<String>,
    /// The words below it; may be empty.
    pub text: String,
    /// Names and values below the words: a receipt's lines, an Adaptive Card's facts.
    pub facts: Vec<Fact>,
    /// The picture.
    pub image: Option<Image>,
    /// The address that a press on the card itself opens.
    pub link: Option<String>,
    /// The buttons.
    pub actions: Vec<Action>,
}

impl Card {
    /// Everything below the title, a line each.
    pub fn body(&self) -> String {
        let mut lines: Vec<String> = Vec::with_capacity(self.facts.len() + 1);
        lines.extend(Some(self.text.trim()).filter(|text| !text.is_empty()).map(str::to_owned));
        lines.extend(self.facts.iter().map(Fact::to_line).filter(|line| !line.is_empty()));
        lines.join("\n")
    }

    /// All its words.
    pub fn words(&self) -> String {
        let body = self.body();
        match self.title.as_deref().filter(|title| !title.is_empty()) {
            Some(title) if body.is_empty() => title.to_owned(),
            Some(title) => format!("{title}\n{body}"),
            None => body,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words().is_empty() && self.image.is_none() && self.actions.is_empty()
    }
}

/// A name and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// The name; may be empty.
    pub name: String,
    /// The value; may be empty.
    pub value: String,
}

impl Fact {
    /// `name: value`, or the one of the two that there is.
    pub fn to_line(&self) -> String {
        match (&*self.name, &*self.value) {
            (name, "") => name.to_owned(),
            ("", value) => value.to_owned(),
            (name, value) => format!("{name}: {value}"),
        }
    }
}

/// A picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Where it is: an address, a `data:` URL, or a reference to a file of ours (`blob:ID`).
    pub url: String,
    /// What is on it, in words.
    pub alt: Option<String>,
}

/// What a medium is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A sound.
    Audio,
    /// A film.
    Video,
    /// Any other file.
    File,
}

impl MediaKind {
    /// From a media type.
    pub fn of(content_type: &str) -> Self {
        match content_type.split('/').next().unwrap_or_default() {
            "image" => Self::Image,
            "audio" => Self::Audio,
            "video" => Self::Video,
            _ => Self::File,
        }
    }
}

/// A picture, sound, film or file.
#[derive(Clone, Debug, PartialEq)]
pub struct Media {
    /// What it is.
    pub kind: MediaKind,
    /// Where it is, as of [`Image::url`].
    pub url: String,
    /// Its media type, as the bot says; may be empty.
    pub content_type: String,
    /// Its name.
    pub name: Option<String>,
}

impl Media {
    /// In a line of words: its name with its address, or that it is there.
    pub fn to_line(&self) -> String {
        let type_ = Some(&*self.content_type).filter(|text| !text.is_empty());
        let name = self.name.as_deref();
        if !crate::is_address(&self.url) {
            return format!("[{}]", name.or(type_).unwrap_or("file"));
        }
        match name {
            Some(name) => format!("{name}: {}", self.url),
            None => self.url.clone(),
        }
    }
}

impl Content {
    /// Makes links out of references to our own files. For activities whose references Maru itself
    /// put there; others stay what they are, and are
    /// no addresses.
    pub fn link_files(&mut self, links: &dyn Links) {
        let link = |url: &mut String| {
            if let Some(blob) = url.strip_prefix("blob:") {
                *url = links.link(blob);
            }
        };
        for bubble in &mut self.bubbles {
            match bubble {
                Bubble::Text(_) => {}
                Bubble::Card(card) => card.image.iter_mut().for_each(|image| link(&mut image.url)),
                Bubble::Carousel(cards) => {
                    let images = cards.iter_mut().filter_map(|card| card.image.as_mut());
                    images.for_each(|image| link(&mut image.url));
                }
                Bubble::Media(media) => link(&mut media.url),
            }
        }
    }

    /// Adds what is shown after it. Of things to press below everything else the last ones count, as
    /// where a newer bubble takes the place of an older one's.
    pub fn then(&mut self, next: Self) {
        self.bubbles.extend(next.bubbles);
        if !next.quick.is_empty() {
            self.quick = next.quick;
        }
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.bubbles.is_empty() && self.quick.is_empty()
    }
}
