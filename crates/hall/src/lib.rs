//! Where it is said.
//!
//! The hall is the one place that knows what happens to a message: it makes the commit, wakes who
//! listens, hands the activity to whoever answers, and settles that obligation. It knows no
//! protocol, no SQL and no HTTP. Doors call [`Hall::begin`], [`Hall::post`], [`Hall::read`],
//! [`Hall::subscribe`] and [`Hall::converse`]; kinds of bots implement [`BotKind`] and [`Bot`].

mod applying;
mod blobs;
mod bots;
mod converse;
mod delivery;
mod directory;
mod error;
mod exchange;
mod following;
mod hall;
mod keeping;
mod known;
mod metrics;
mod posting;
mod reading;
mod records;
mod signals;
mod subscription;
mod timers;
mod turns;

pub use blobs::{Blob, BlobError, BlobId, Blobs};
pub use bots::{BadSettings, Bot, BotKind, Handed, Outcome, Said};
pub use converse::Conversed;
pub use delivery::CircuitState;
pub use directory::{CheckChannel, Directory, Snapshot};
pub use error::{Error, Kind};
pub use exchange::{Exchange, Exchanged};
pub use hall::{Begin, Begun, Hall, Settings, Setup, WeakHall};
pub use keeping::{ErasedPerson, RetentionRule};
pub use posting::{Delivered, Post, PostOp, Posted, PostedId};
pub use reading::{Reading, Shown};
pub use records::{BotRecord, ChannelRecord, DeliverySettings, RecordError};
pub use subscription::{Event, Subscription};
pub use timers::OnTimer;

// What the hall hands on from below, so that doors and bots need not name the store.
pub use maru_hints::Signal;
pub use maru_store::{
    AttemptRecord, Conversation, Delivery, DeliveryFilter, DeliveryState, Entry, Head, Member,
    Meta, Native, Page, Place, Route, State, StateWrite, Summary, Timer, TimerWrite, Whom,
};
