//! Realms, their keys and their tokens, on a real store.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod house;
mod people;
mod realms;
mod tokens;
