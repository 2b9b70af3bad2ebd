//! The program's tests: one binary.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod alerts;
mod archive;
mod bad_input;
mod chatflow;
mod cli;
mod cluster;
mod config;
mod files;
mod house;
mod life;
mod partners;
mod people;
mod scenarios;
mod secrets;
mod web_chat;

/// The binary under test.
pub(crate) const MARU: &str = env!("CARGO_BIN_EXE_maru");
