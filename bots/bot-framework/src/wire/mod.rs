//! The Connector's JSON, field for field (direct-line.md §3.3), one module an endpoint.

pub(crate) mod attachments;
pub(crate) mod conversations;
pub(crate) mod members;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// The answer to send, reply, update and upload. SDKs need the JSON body: botbuilder for Python
/// fails without, the Agents SDK for JavaScript cannot stream.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResourceResponse {
    /// The activity's or the attachment's id.
    pub(crate) id: String,
}

/// Activities that took place before, in order.
#[derive(Debug, Deserialize)]
pub(crate) struct Transcript<'a> {
    #[serde(borrow)]
    pub(crate) activities: Vec<&'a RawValue>,
}

/// What every refusal looks like.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorResponse {
    /// What is wrong.
    pub(crate) error: ErrorBody,
}

/// What is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    /// For programs: `BadArgument`, `MissingProperty` …
    pub(crate) code: String,
    /// For people.
    pub(crate) message: String,
}
