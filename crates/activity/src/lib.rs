//! What is said.
//!
//! An [`Activity`] is one immutable thing said or done, in the public Bot Framework Activity
//! schema: Maru's own language, which every protocol is translated to and from. This crate knows
//! how to take one apart and put it together again without changing a byte of what its sender
//! wrote, what the ids and places of the log look like from outside, and where the time and the
//! randomness of the program come from. It does no I/O and needs no runtime.

mod activity;
mod check;
mod draft;
pub mod env;
mod ids;
mod place;
mod render;
mod time;

pub use activity::{Account, Activity, Invalid, Kind, Limits, Role};
pub use draft::{Draft, Members, OWNED};
pub use ids::{BotId, ChannelId, CommitId, ConversationId, DeliveryId, PersonId, RealmId};
pub use place::{ActivityId, Audience, Pos, Seq, Viewer, Watermark};
pub use render::{Envelope, Links, render};
pub use time::Timestamp;
