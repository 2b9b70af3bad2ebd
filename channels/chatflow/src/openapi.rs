//! The description of what is served, in OpenAPI. The endpoints' own attributes are its source; a
//! test compares it with the routes.
//!
//! Bodies are described under the canonical names and as JSON. That a form says the same, and that the
//! origin's names mean the same, stands in their descriptions.

use serde_json::Value;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::{IntoParams, Modify, OpenApi as _, ToSchema};

use crate::endpoints::{init, message, resume, scenario, state};

/// The OpenAPI document of the ChatFlow API.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Maru: ChatFlow API v1",
        description = "For a bot's server: ask what to say next to a user. Also at /api/v1.",
    ),
    paths(message::post, init::post, resume::post, state::get, state::patch, state::delete, scenario::get),
    modifiers(&Secrets),
)]
struct Document;

/// A client's and an app's secret, where they do not stand in the body.
struct Secrets;

impl Modify for Secrets {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        for (name, header, description) in [
            ("client_id", "X-ChatFlow-Client-Id", "Issued when the client signed up"),
            ("app_id", "X-ChatFlow-App-Id", "Issued with the app"),
        ] {
            let value = ApiKeyValue::with_description(header, description);
            components.add_security_scheme(name, SecurityScheme::ApiKey(ApiKey::Header(value)));
        }
    }
}

/// What a user said. As JSON, or as a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes what `fields` reads leniently")]
pub(crate) struct MessageRequest {
    /// The client's secret; `developer_id` means the same. Not needed beside the header.
    client_id: Option<String>,
    /// The app's secret; `conversation_id` means the same. Not needed beside the header.
    app_id: Option<String>,
    /// The user; `user_id` means the same. 1 to 256 bytes.
    user_key: String,
    /// The text, or the address of the medium; `message` means the same. 1 to 4,000 bytes.
    content: String,
    /// `text` (the default), `photo`, `video` or `audio`.
    r#type: Option<String>,
    /// The same within ten minutes gets the same answer and does nothing. 1 to 128 bytes.
    message_id: Option<String>,
    /// Put into the scenario's variables; null deletes. In a form its JSON text.
    variables: Option<Value>,
    /// Whether `message` is to have all that is said. True if it is not given and `developer_id` is.
    joined: Option<bool>,
}

/// A user who begins anew, or goes to a node.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes what `fields` reads leniently")]
pub(crate) struct InitRequest {
    /// As of a message.
    client_id: Option<String>,
    /// As of a message.
    app_id: Option<String>,
    /// The user.
    user_key: String,
    /// The node; the entry node if there is none.
    node_id: Option<String>,
    /// As of a message.
    joined: Option<bool>,
}

/// A user who comes back from a human.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes what `fields` reads leniently")]
pub(crate) struct ResumeRequest {
    /// As of a message.
    client_id: Option<String>,
    /// As of a message.
    app_id: Option<String>,
    /// The user.
    user_key: String,
    /// Whether the human took care of them. True if it is not given.
    served: Option<bool>,
    /// As of a message.
    joined: Option<bool>,
}

/// What is to be changed about a user's place. All of it is, or nothing.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes what `fields` reads leniently")]
pub(crate) struct StatePatch {
    /// Slots and their new values; null empties one.
    slot: Option<Value>,
    /// The node where the user is to be.
    node_id: Option<String>,
}

/// What a user is told. The first five members are always there.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes what the service writes")]
pub(crate) struct Turn {
    /// The node where the user is now.
    id: String,
    /// `intent`, `select`, `slot`, `link` or `custom`.
    action: String,
    /// The last bubble: the one that asks.
    message: Bubble,
    /// How the user answers.
    keyboard: Keyboard,
    /// Every slot that has a value.
    slot: Value,
    /// All bubbles, in order.
    messages: Vec<Bubble>,
    /// `started_at`, `last_message_at`, `expires_at`, `turn`, `restarted` (null, `new`, `timeout`,
    /// `init`, `moved`, `scenario_changed`), `previous_id`, `scenario_version`.
    session: Value,
    /// `{"node","group"}`, if the user is to be handed to a human: `/resume` brings them back.
    handoff: Option<Value>,
}

/// One thing said.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes what the service writes")]
pub(crate) struct Bubble {
    /// Plain text; may be empty.
    text: String,
    /// `{"url","width","height"}`, or null.
    #[schema(required)]
    image: Option<Value>,
    /// `{"label","url"}`: a link button.
    link: Option<Value>,
}

/// How a user answers.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes what the service writes")]
pub(crate) struct Keyboard {
    /// `text` or `buttons`.
    r#type: String,
    /// The labels; what is pressed comes back as `content`.
    buttons: Option<Vec<String>>,
}

/// A user's place, and what is known of them.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes what the service writes")]
pub(crate) struct State {
    /// The user.
    user_key: String,
    /// The node where they are.
    id: String,
    /// Its name.
    name: String,
    /// What it waits for.
    action: String,
    /// Every slot that has a value.
    slot: Value,
    /// Every variable.
    var: Value,
    /// As of a turn, with `phase`: `waiting`, `ended` or `handed`.
    session: Value,
    /// `{"at","content","id"}`: the last twenty things that the user said, oldest first.
    history: Vec<Value>,
}

/// The live version of the scenario.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes what the service writes")]
pub(crate) struct ScenarioInfo {
    /// Its name.
    name: String,
    /// Its language, as a BCP 47 tag.
    locale: Option<String>,
    /// Its number.
    version: u64,
    /// Where sessions begin.
    entry_id: String,
    /// The node for what nothing else answers.
    exception_id: String,
    /// After how many silent seconds a session begins anew; 0 for never.
    session_timeout_seconds: u32,
    /// `{"id","name","type"}` of every node.
    nodes: Vec<Value>,
}

/// That it was done.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes what the endpoint writes")]
pub(crate) struct Done {
    /// 0.
    code: u16,
    /// `SUCCESS`.
    message: String,
}

/// Why it was not.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes what `error` writes")]
pub(crate) struct ErrorResponse {
    /// The code of the table in the channel's README.
    code: u16,
    /// Its text.
    message: String,
    /// What there is to say about this call.
    comment: Option<String>,
    /// `{"path","reason"}` of each value that is wrong.
    errors: Option<Vec<Value>>,
}

/// A user in a path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "it only describes a path")]
pub(crate) struct UserPath {
    /// The user's key, percent-encoded.
    user_key: String,
}
