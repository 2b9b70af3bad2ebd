//! A scenario as a bot, behind a hall with a real store.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod house;
mod talking;
