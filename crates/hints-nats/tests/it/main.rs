//! Hints between nodes, over a real NATS server.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod carried;
mod support;
mod without;
