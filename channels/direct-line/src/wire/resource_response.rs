//! The answer to a post.

use serde::Serialize;
use utoipa::ToSchema;

/// `{"id"}`. The protocol's description allows a 204 as well, which botframework-directlinejs
/// does not survive.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResourceResponse {
    /// The activity's id.
    pub(crate) id: String,
}
