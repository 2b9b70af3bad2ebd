//! `rtm/start`: where the socket is (kore-rtm.md §1.5).

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The body, less the `token` that every web SDK sends along empty, and iOS's `authorization`.
#[derive(Debug, Deserialize)]
pub(crate) struct StartRequest<'a> {
    /// Which bot; it is sent back with each frame as it came.
    #[serde(borrow, rename = "botInfo")]
    pub(crate) bot_info: Option<&'a RawValue>,
    /// The user's language. Version 3 alone sends one.
    pub(crate) language: Option<serde_json::Value>,
}

/// What of `botInfo` the server itself looks at.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct BotInfo {
    /// The bot. Its name, `chatBot`, may be any text.
    #[serde(rename = "taskBotId")]
    pub(crate) task_bot_id: Option<String>,
}

/// The answer.
#[derive(Debug, Serialize)]
pub(crate) struct StartResponse {
    /// Each SDK appends parameters as `&name=value`, so it has a query already.
    pub(crate) url: String,
}
