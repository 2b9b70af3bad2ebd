//! The RTM socket: one client of one user, in one conversation (kore-rtm.md §3).
//!
//! Nothing is buffered for a socket beyond the frame that is being written. One that is slow misses
//! hints and then reads from the log; one that does not read at all is let go, and is sent what it
//! missed when it comes back.

mod entries;
mod inbound;
mod outbound;
mod posting;
mod seats;
mod seen;
mod socket;
mod streaming;

pub(crate) use entries::stream_of;
pub(crate) use inbound::attached;
pub(crate) use outbound::{MessageOf, author_json};
pub(crate) use seats::Seats;
pub(crate) use socket::{Admitted, Socket};

/// What a client's frame says; `None` for what is no message. For fuzzing.
pub(crate) fn incoming_of(frame: &[u8]) -> Option<crate::map::Incoming> {
    inbound::Frame::parse(frame).ok()?.into_incoming()
}
