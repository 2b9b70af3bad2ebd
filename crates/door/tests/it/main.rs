//! The door on real sockets.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

mod bodies;
mod context;
mod faces;
mod forms;
mod framing;
mod house;
mod server;
mod sockets;
