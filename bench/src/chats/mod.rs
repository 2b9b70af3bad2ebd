//! Live chats between customers and agents, and what must not happen to them: servers that are killed,
//! networks that fail in one direction, clocks that jump.
//!
//! Customers and agents live in this process, each with the protocol of their side, and survive what is
//! done to the server. Each keeps a book of what it said and was shown ([`book`]); in the end all of it is
//! asked for once more, and judged by what must hold ([`laws`]).

mod agent;
pub mod book;
mod cast;
mod clock;
mod customer;
mod cut;
mod kill;
mod laws;
mod play;
mod relay;

pub use clock::{ClockOptions, run as jump_clock};
pub use cut::{CutOptions, run as cut_directions};
pub use kill::{KillOptions, run as kill_server};
pub use laws::judge;
