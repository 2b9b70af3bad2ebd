//! Direct Line as its clients see it: raw HTTP and WebSocket on a real port, over a real store.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

mod bad_input;
mod client;
mod cors;
mod house;
mod rest;
mod sites;
mod stream;
mod tokens;
mod uploads;
