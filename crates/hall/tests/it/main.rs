//! The hall over a real store, with bots that do as a test tells them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod blobs;
mod bots;
mod conversing;
mod crash;
mod exchange;
mod handing;
mod keeping;
mod order;
mod reading;
mod retries;
mod shared;
mod support;
mod timers;
mod turns;
