//! The description of what is served, in OpenAPI. The endpoints' own attributes are its source; a
//! test compares it with the routes.

use serde_json::Value;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{IntoParams, Modify, OpenApi as _, ToSchema};

use crate::endpoints::{activities, conversations, files, session, stream, tokens, upload};

pub(crate) use crate::wire::conversation::Conversation;
pub(crate) use crate::wire::error_response::ErrorResponse;
pub(crate) use crate::wire::resource_response::ResourceResponse;
pub(crate) use crate::wire::session::Session;

/// The OpenAPI document of the Direct Line face.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Maru: Direct Line 3.0",
        description = "For clients of bots: begin a conversation, say something, and read what was said.",
    ),
    paths(
        tokens::generate,
        tokens::refresh,
        conversations::start,
        conversations::reconnect,
        activities::post,
        activities::list,
        upload::post,
        stream::open,
        session::get,
        files::get,
    ),
    modifiers(&Bearer),
)]
struct Document;

/// A site's secret, or a token.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A site's secret, or a token for one conversation"))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// The body of `generate` and `start`. Names are matched whatever their case.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "it only describes what `wire::token_parameters` reads leniently")]
pub(crate) struct TokenParameters {
    /// `{"id","name"}`. With a secret the id is bound into the token.
    user: Option<Value>,
    /// The web origins from which browsers may use the token.
    trusted_origins: Option<Vec<String>>,
    /// The user's language, for the bot's greeting.
    locale: Option<String>,
}

/// An activity of the public Bot Framework Activity schema. Unknown members are kept.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes what `map` reads and writes as bytes")]
pub(crate) struct Activity {
    /// `message`, `event`, `typing` …
    r#type: String,
    /// `{"id","name"}`: who says it.
    from: Option<Value>,
    /// What is said.
    text: Option<String>,
}

/// What was said, and the place up to which it was read.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes what `wire::activity_set` writes as bytes")]
pub(crate) struct ActivitySet {
    activities: Vec<Activity>,
    /// Opaque; give it back to read on.
    watermark: String,
}

/// A conversation in a path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "it only describes a path")]
pub(crate) struct ConversationPath {
    /// The conversation's id.
    conversation: String,
}

/// The place to read on from.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it only describes a query")]
pub(crate) struct WatermarkQuery {
    /// As an activity set gave it. None, an empty one, or `-`: from the beginning.
    watermark: Option<String>,
}
