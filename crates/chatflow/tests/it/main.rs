//! The service on a real store: its users' places, its apps, and what webhooks do to a turn.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

mod apps;
mod clock;
mod console;
mod house;
mod log;
mod turns;
mod webhooks;
