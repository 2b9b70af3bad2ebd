//! The hall over a real store, with bots that do as a test tells them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bots;
mod conversing;
mod crash;
mod keeping;
mod order;
mod reading;
mod retries;
mod support;
