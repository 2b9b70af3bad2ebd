//! Kore's protocol as its clients see it: raw HTTP and WebSocket on a real port, over a real store.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

mod bad_input;
mod corpus;
mod cors;
mod golden;
mod grants;
mod history;
mod house;
mod issuers;
mod secrecy;
mod sessions;
mod talking;
mod tickets;
mod uploads;
mod webhook;
mod wire;
