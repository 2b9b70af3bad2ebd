//! The language as its users meet it: files, dialogues, mistakes.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod corpus;
mod engine;
mod golden;
mod importing;
mod order;
mod play;
mod properties;
mod schema;
mod validation;
