//! The desk over a real hall and a real store.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod bad_input;
mod calls;
mod chats;
mod clock;
mod closing;
mod corpus;
mod handoffs;
mod nodes;
mod office;
mod restarts;
mod signing_in;
mod strangers;
mod support;
