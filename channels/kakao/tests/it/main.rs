//! Kakao's faces on a real port, with a bot that does as it is told.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod clock;
mod corpus;
mod house;
mod plus_friend;
mod properties;
mod push;
mod skill;
