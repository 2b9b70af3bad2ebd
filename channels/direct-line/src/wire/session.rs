//! The answer of `getsessionid`.

use serde::Serialize;
use utoipa::ToSchema;

/// `{"sessionId"}`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Session<'a> {
    /// Ties the browser to its conversations.
    pub(crate) session_id: &'a str,
}
