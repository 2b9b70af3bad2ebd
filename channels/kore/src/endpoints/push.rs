//! Registration for mobile push (kore-rtm.md §1.9). It is accepted so that the apps go on, and
//! nothing is ever sent.

use axum::response::Response;

use crate::user::User;
use crate::wire::ok;

/// Says yes, whatever the body says: a device that subscribes, or one that does no longer.
pub(crate) async fn accept(_: User) -> Response {
    ok(&serde_json::json!({"ok": true}))
}
