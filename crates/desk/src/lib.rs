//! The agent desk: people who answer.
//!
//! A realm has numbers (agents, groups, virtual agents, aliases); a call goes to one of them, waits,
//! rings, is answered, held, given to somebody else, and ends. What happens to a call, one pure machine
//! decides; the service around it keeps what the machine knows in the store, writes what it says into
//! the conversation's log, and sees to its deadlines.

mod command;
mod face;
pub mod floor;
pub mod fuzz;
pub mod limits;
mod records;
mod service;
mod status;
mod view;
mod wire;

pub use command::{Command, Done, Refusal};
pub use face::{DeskFace, FaceSetup, openapi};
pub use records::{
    AgentRecord, AliasRecord, BadDn, Book, DeskSettings, DnKind, DnRecord, GroupRecord, Membership,
    Policy, Texts, VirtualRecord,
};
pub use service::{CODES, DeskError, Service, Setup};
pub use view::{
    AgentState, AgentView, Changed, ChatPhase, ChatView, CustomerView, DnView, GroupStats,
    Standing, Why,
};
