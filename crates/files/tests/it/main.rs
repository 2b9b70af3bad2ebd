//! Files over a real store and a real disk.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod coming_in;
mod hostile;
mod house;
mod names;
mod taking;
