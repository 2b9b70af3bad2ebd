//! What a protocol can show.

/// What is done with a text that is longer than one bubble may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LongText {
    /// It is shown in several bubbles.
    Split,
    /// There is but one bubble, which holds a text, a picture and a link: it is cut.
    Cut,
}

/// Things to press that stand below everything else, and are gone after the next word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuickLimits {
    /// The most of them.
    pub count_max: usize,
    /// The longest label.
    pub label_max: usize,
    /// Whether one may open an address.
    pub links: bool,
}

/// A card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardLimits {
    /// The longest title; 0 if it has none.
    pub title_max: usize,
    /// The longest text below it.
    pub text_max: usize,
    /// The longest title and text together.
    pub total_max: usize,
    /// The most buttons.
    pub buttons_max: usize,
    /// The longest label of a button.
    pub label_max: usize,
    /// Whether a button may say something.
    pub says: bool,
    /// Whether a button may open an address.
    pub links: bool,
    /// Whether a button may call a number.
    pub calls: bool,
    /// Whether a press on the card itself may open an address.
    pub own_link: bool,
}

/// Cards side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CarouselLimits {
    /// The most cards.
    pub cards_max: usize,
    /// The longest title and text together of a card without a picture.
    pub total_max: usize,
    /// The longest title and text together of a card with a picture.
    pub picture_total_max: usize,
    /// Whether cards with and without a picture may stand side by side.
    pub mixed: bool,
}

/// What can be shown of media, each in a bubble of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shows {
    /// Pictures.
    pub images: bool,
    /// Sounds.
    pub audio: bool,
    /// Films.
    pub video: bool,
    /// Other files.
    pub files: bool,
}

/// What a protocol can show. All lengths are in UTF-16 code units, see
/// [`text::length`](crate::text::length).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Its name, as the kind of channel is called.
    pub protocol: &'static str,
    /// Whether the bot may speak without having been spoken to.
    pub push: bool,
    /// The most bubbles of one answer.
    pub bubbles_max: usize,
    /// The longest text of a bubble.
    pub text_max: usize,
    /// What is done with a longer one.
    pub long_text: LongText,
    /// Quick replies, if it has them.
    pub quick: Option<QuickLimits>,
    /// Cards without a picture, if it has them.
    pub card: Option<CardLimits>,
    /// Cards with a picture, if it has them.
    pub picture_card: Option<CardLimits>,
    /// Cards side by side, if it has them.
    pub carousel: Option<CarouselLimits>,
    /// Media in bubbles of their own.
    pub shows: Shows,
}
