//! Partner servers against a whole house: a real store, and a real server behind a real socket that
//! answers as bots in the wild did.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod api;
mod calls;
mod clock;
mod corpus;
mod house;
mod keyboards;
mod media;
mod outage;
mod partner;
mod rows;
