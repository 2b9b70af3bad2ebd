//! The web chat as its clients see it: a WebSocket on a real port, over a real store.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

mod bad_input;
mod calling;
mod client;
mod closing;
mod corpus;
mod desk;
mod files;
mod house;
mod resuming;
mod security;
mod strangers;
mod talking;
