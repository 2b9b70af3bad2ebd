//! What tests need and the program does not: a dev-dependency only.
//!
//! - [`FakeClock`] and [`SeededRandom`] make an [`Env`](maru_activity::env::Env) that a test can
//!   replay; [`ClockAhead`] is one that goes on and can be put forward;
//! - [`StandingTime`] holds tokio's clock, while sockets and threads go on;
//! - [`ScriptedBot`] is a real HTTP bot that answers as it is told and remembers what it was sent;
//! - [`TestServer`] is the real server on a real port with a data folder of its own, which can be
//!   stopped, killed and started again;
//! - [`Nats`] is a real NATS server, which can be stopped and started again;
//! - [`Postgres`] is a real PostgreSQL server, likewise, and [`PostgresDatabase`] a database on one that
//!   may be shared by all tests of a run (`with-postgres`, this crate's binary, starts it);
//! - [`replay`] gives a fuzz target the inputs that are kept for it;
//! - [`call`] and [`raw`] are the smallest of HTTP clients, and [`eventually`] waits for what will come.
//!
//! The server's crate is not a dependency, since it depends on this one for its tests: a
//! [`TestServer`] runs the binary that its caller names (`env!("CARGO_BIN_EXE_maru")` there), and so
//! tests what is shipped. Whoever wants the parts in process takes them from `maru::parts`.
//!
//! Everything in here panics where a test would fail anyway.

mod bot;
mod client;
mod corpus;
mod env;
mod nats;
mod postgres;
mod server;
mod standing;

pub use bot::{Heard, Reply, ScriptedBot};
pub use client::{Answer, call, eventually, raw};
pub use corpus::replay;
pub use env::{ClockAhead, FakeClock, SeededRandom, env_ahead, fake_env};
pub use nats::Nats;
pub use postgres::{POSTGRES_URL, Postgres, PostgresDatabase};
pub use server::TestServer;
pub use standing::StandingTime;
