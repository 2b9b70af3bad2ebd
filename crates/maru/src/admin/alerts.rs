//! Trying the alerts.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Admin, ApiError, Realm};

/// Whom to tell, where the gateway asks for somebody.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TestOf {
    to: Option<String>,
}

/// Tells the operator a test, by every way that is set.
pub(super) async fn test(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Json(of): Json<TestOf>,
) -> Result<Json<Value>, ApiError> {
    match admin.notifier.test(&realm, of.to).await {
        Ok(told) if told.is_empty() => Err(ApiError::invalid(
            "no way is set to tell you of anything: alerts.command and alerts.url are empty",
        )),
        Ok(told) => Ok(Json(json!({ "told_by": told }))),
        Err(failed) => {
            let causes: Vec<String> = failed.iter().map(ToString::to_string).collect();
            Err(ApiError::failed(causes.join("; ")))
        }
    }
}
