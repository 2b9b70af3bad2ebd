//! A bot's variables, as its record has them.

use axum::Json;
use http::{HeaderMap, HeaderName};
use serde_json::{Value, json};

use super::caller::Called;
use crate::config::Variable;
use crate::ids::derived;

/// For which language the values are wanted.
const LANGUAGE: HeaderName = HeaderName::from_static("bot-language");

/// All of them in one language. One that has no value in it is left out.
pub(super) async fn all(Called(remote): Called, headers: HeaderMap) -> Json<Value> {
    let settings = &remote.settings;
    let asked = headers.get(LANGUAGE).and_then(|language| language.to_str().ok());
    let language = asked.unwrap_or(&settings.language);
    let values = settings.variables.iter().filter_map(|(key, variable)| {
        let (value, kind) = match variable {
            Variable::Same(value) => (value, "env"),
            Variable::ByLanguage(values) => (values.get(language)?, "locale"),
        };
        let id = derived("v-", &[&settings.bot_id, key]);
        Some(json!({"_id": id, "key": key, "value": value, "variableType": kind}))
    });
    let variables: Vec<Value> = values.collect();
    Json(json!({"count": variables.len(), "language": language, "variables": variables}))
}
