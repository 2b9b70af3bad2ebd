//! The ChatFlow language: scenarios that keep every user's place.
//!
//! A [`Scenario`] is a file of nodes, `chatflow/1`. [`validate`] tells what is wrong with one, and
//! [`step`] is all there is to running it: a pure function of a scenario, a user's [`State`], what
//! happened ([`Input`]) and the time. It does no I/O, and nothing in a file is ever executed. What
//! has to be done in the world (a webhook, a handoff, a consent to record) comes back as an
//! [`Effect`].
//!
//! The language's reference is this crate's `README.md`; [`SCHEMA`] is its JSON Schema.

mod check;
mod condition;
mod effect;
mod engine;
mod file;
#[doc(hidden)]
pub mod fuzz;
mod import;
mod input;
mod issue;
mod json;
pub mod limits;
mod reader;
mod session;
mod slot;
mod state;
mod template;
pub mod text;
mod trace;
mod turn;

pub use check::{Capabilities, validate};
pub use effect::{Effect, WebhookRequest};
pub use engine::{Context, Patch, PatchRefused, Refusal, Step, WrongValue, patch, step};
pub use file::{NodeInfo, Scenario, ScenarioInfo};
pub use import::{Import, import};
pub use input::{ContentKind, Input, Kinds, UserMessage, WebhookOutcome};
pub use issue::{Code, Issue, Severity};
pub use session::{Restart, Session};
pub use state::{Agreed, Past, Phase, State, Unreadable};
pub use template::HeaderPart;
pub use trace::{Event, TraceLine};
pub use turn::{Action, Bubble, Image, Keyboard, Link, SessionInfo, Turn};

/// The JSON Schema (2020-12) of scenario files, for editors. It knows the shape of a file; whether
/// its parts fit together only [`validate`] knows.
pub const SCHEMA: &str = include_str!("../schema/chatflow-1.schema.json");
