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
mod desk;
mod directory;
mod error;
mod exchange;
mod finishing;
mod following;
mod hall;
mod handing;
mod keeping;
mod known;
mod metrics;
mod posting;
mod reading;
mod records;
pub mod settings;
mod signals;
mod subscription;
mod timers;
mod turns;

pub use blobs::{Blob, BlobError, BlobId, Blobs, clean_filename};
pub use bots::{Bot, BotKind, Handed, Outcome, Said};
pub use converse::Conversed;
pub use delivery::CircuitState;
pub use desk::{
    BOT_ENDED, By, Call, CallState, CallStatus, CustomerDid, Desk, Dialed, HANDOFF_ASKED,
    HANDOFF_STATUS, HANDOFF_TIMERS, Party, PartyKind, QUEUE_PLACE, QueuePlace,
};
pub use directory::{CheckChannel, Directory, Snapshot};
pub use error::{Error, Kind};
pub use exchange::{Exchange, Exchanged};
pub use finishing::Finishing;
pub use hall::{Begin, Begun, Hall, Settings, Setup, WeakHall};
pub use handing::{Greet, Handing, Spoken};
pub use keeping::{ErasedPerson, RetentionRule};
pub use posting::{Delivered, Post, PostOp, Posted, PostedId};
pub use reading::{Reading, Shown};
pub use records::{BotRecord, ChannelRecord, DeliverySettings, RecordError};
pub use settings::BadSettings;
pub use subscription::{Event, Subscription};
pub use timers::OnTimer;

// What the hall hands on from below, so that doors and bots need not name the store.
pub use maru_hints::Signal;
pub use maru_store::{
    AttemptRecord, Conversation, Delivery, DeliveryFilter, DeliveryState, Entry, Head, Member,
    Meta, Native, Page, Place, Route, State, StateWrite, Summary, Timer, TimerWrite, Whom,
};
