//! The kill -9 loops with an outside ledger: of one server, and of a cluster's nodes.
//!
//! Writers, readers and a bot live in this process and survive what is done to the servers. Each keeps
//! an append-only file of what it did and saw ([`record`]); afterwards the laws are judged from those
//! files alone ([`laws`]), so a run can be judged again, and by other eyes.

mod answering;
mod cluster;
mod collect;
mod kill;
mod laws;
mod line;
mod phase;
mod reader;
pub mod record;
mod stage;
mod strace;
mod words;
mod writer;

pub use cluster::{ClusterOptions, Fault, run_cluster};
pub use kill::{Options, run};
pub use laws::{Evidence, Verdict, judge};
pub use stage::{Course, Load};
pub use strace::{Traced, trace};
