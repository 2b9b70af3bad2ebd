//! TalkTalk's face on a real port, with a send API and a bot that do as they are told.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod corpus;
mod house;
mod properties;
mod sending;
mod webhook;
