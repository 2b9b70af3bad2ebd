//! `nxdesk.v1`, frame by frame (WIRE.md). Pure: text in, values out, and back.

mod entry;
mod inbound;
pub(crate) mod limits;
mod outbound;

pub(crate) use entry::{Entry, Told, entry_of, told_by};
pub(crate) use inbound::{Request, Say, What};
pub(crate) use outbound::{Answer, Frame, Hist, Limits, Me, Rate, Snapshot, Upload, frame};

use std::borrow::Cow;

use serde::Serialize;

/// The subprotocol's name.
pub(crate) const SUBPROTOCOL: &str = "nxdesk.v1";

/// The protocol by whose name the log knows what this one adds, and clients' keys.
pub(crate) const PROTOCOL: &str = "nxdesk";

/// The name of the signal by which somebody says that they write no more.
pub(crate) const TYPING: &str = "nx.typing";

/// The name of the signal by which somebody says how far they have read.
pub(crate) const READ: &str = "nx.read";

/// Why a request was not done: the body of `err`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct WireError {
    /// One of the codes of WIRE.md.
    pub(crate) code: &'static str,
    /// For people.
    pub(crate) msg: Cow<'static, str>,
    /// Which member of the body is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<&'static str>,
    /// After how many seconds to try again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retry_after: Option<u64>,
}

impl WireError {
    pub(crate) fn new(code: &'static str, msg: impl Into<Cow<'static, str>>) -> Self {
        Self { code, msg: msg.into(), field: None, retry_after: None }
    }

    pub(crate) fn of_field(field: &'static str, problem: &str) -> Self {
        Self { field: Some(field), ..Self::new("bad_field", format!("{field} {problem}")) }
    }
}
