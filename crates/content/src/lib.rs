//! What an activity shows, and how it is shown where less can be shown.
//!
//! An activity is read once, by [`Content::of`], into what a person is to see: texts, cards, media
//! and things to press. A channel that cannot show all of it asks [`degrade`] for what its protocol
//! can, whose limits are a [`Capabilities`] in [`limits`]; from the same table the documents are
//! made. Both are pure, total and bounded, and neither makes nothing out of something: what has no
//! counterpart becomes words.

mod action;
mod adaptive;
mod capabilities;
mod cards;
mod content;
mod degrade;
pub mod fuzz;
pub mod limits;
mod offers;
mod plain;
mod read;
pub mod text;

pub use action::{Action, ActionKind, is_address};
pub use capabilities::{Capabilities, CardLimits, CarouselLimits, LongText, QuickLimits, Shows};
pub use content::{Bubble, Card, Content, Fact, Image, Media, MediaKind, Text, TextFormat};
pub use degrade::{Degraded, Dropped, degrade};
pub use offers::{Offer, Offers};
