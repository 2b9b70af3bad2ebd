//! The lunch vote through its endpoints, with its file on a disk and its clock in the test's hand.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

mod days;
mod groups;
mod house;
mod texts;
