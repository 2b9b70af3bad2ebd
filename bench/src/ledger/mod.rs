//! The kill -9 loop with an outside ledger.
//!
//! Writers, readers and a bot live in this process and survive what is done to the server. Each keeps
//! an append-only file of what it did and saw ([`record`]); afterwards the laws are judged from those
//! files alone ([`laws`]), so a run can be judged again, and by other eyes.

mod answering;
mod collect;
mod laws;
mod phase;
mod reader;
pub mod record;
mod run;
mod strace;
mod words;
mod writer;

pub use laws::{Evidence, Verdict, judge};
pub use run::{Course, Options, run};
pub use strace::{Traced, trace};
