//! How it is kept: the port that every store implements.
//!
//! A write is a value: a [`Commit`] is handed over whole and applied in one atomic step, or not at
//! all. The store answers only when the disk has it. Nothing is held open between calls, so two
//! engines can be held to one suite ([`contract`], behind the feature of that name).
//!
//! What is kept, in the words of ARCHITECTURE.md: per conversation an append-only log of
//! [`Entry`]s with dense places; the outbox of [`Delivery`]s, written in the same commit as the
//! entry they refer to; client keys; small [`State`] values (records, external ids, protocol
//! state); [`Timer`]s.

pub mod archive;
mod commit;
#[cfg(feature = "contract")]
pub mod contract;
mod model;
mod places;
mod port;

pub use commit::{
    Attempt, Change, ClientKey, Commit, DeliveryTo, Expect, KNOWN_MEMBER, NewDelivery, NewEntry,
    Op, Opening, Placed, Receipt, Settle, Settlement, StateWrite, TimerWrite, Turn,
};
pub use model::{
    AttemptRecord, Conversation, Delivery, DeliveryState, Entry, Head, Member, Meta, Native, Route,
    State, Timer, blob_references,
};
pub use places::Places;
pub use port::{
    CLIENT_KEYS_KEPT, COMMIT_IDS_KEPT, Cursor, DeliveryFilter, DueBots, Erased, Error, Expired,
    Page, Place, Retention, Store, Summary, TIMER_HELD, Whom,
};
