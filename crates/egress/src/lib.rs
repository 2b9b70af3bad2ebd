//! The only way out: every outgoing call, with address policy, deadlines and body caps.
//!
//! Maru calls addresses that other people wrote down: webhooks of bots, `serviceUrl`s, pictures.
//! [`Egress`] is the one place that does so, and what makes it safe: the [`Policy`] says where a call
//! may go and is asked about the address that is really connected to; redirects are handed back and
//! never followed; nothing is decompressed; an answer has a size and the whole call a deadline.
//!
//! What went wrong is told by [`Failure`], whose [`Failure::may_have_arrived`] answers the question
//! that decides whether a delivery may be repeated.

mod address;
mod call;
mod egress;
mod failure;
mod hosts;
mod metrics;
mod policy;
mod resolve;
mod rule;
mod tls;

pub use call::{Answer, Call};
pub use egress::{Egress, Options};
pub use failure::{Failure, SetupError};
pub use policy::Policy;
pub use resolve::{Lookup, SystemLookup};
pub use rule::{BadRule, Rule};
