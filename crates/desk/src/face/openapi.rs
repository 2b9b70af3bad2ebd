//! The description of the API, in OpenAPI. The socket is described in WIRE.md.

use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::{IntoParams, Modify, OpenApi as _, ToSchema};

use super::{session, upload};

/// The OpenAPI document of the agents' API.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Maru: the agent desk", description = "For agents' pages: signing in, and files."),
    paths(
        session::sign_in,
        session::show,
        session::sign_out,
        session::change_password,
        upload::take,
        super::socket::open,
    ),
    modifiers(&Cookie),
)]
struct Document;

/// The session.
struct Cookie;

impl Modify for Cookie {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let value = ApiKeyValue::with_description(
            "__Host-maru-agent",
            "Set by signing in; `maru-agent` over http on the server's own machine",
        );
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("agent", SecurityScheme::ApiKey(ApiKey::Cookie(value)));
    }
}

/// A call that was not done.
#[derive(ToSchema)]
#[schema(as = AgentErrorResponse)]
#[expect(dead_code, reason = "it only describes what `ApiError` writes")]
pub(super) struct ErrorResponse {
    error: ErrorBody,
}

#[derive(ToSchema)]
#[schema(as = AgentError)]
#[expect(dead_code, reason = "it only describes what `ApiError` writes")]
struct ErrorBody {
    /// A word for programs.
    code: String,
    /// A sentence for people.
    message: String,
}

/// Who is signed in.
#[derive(ToSchema)]
#[schema(as = AgentSession, rename_all = "camelCase")]
#[expect(dead_code, reason = "it only describes what `session` writes")]
pub(super) struct SessionBody {
    realm: String,
    /// The login.
    name: String,
    display_name: String,
    /// Of `agent`, `lead`, `supervisor`, `admin`.
    roles: Vec<String>,
    /// The number at which they answer.
    dn: Option<String>,
    /// When it is over at the latest, RFC 3339.
    ends_at: String,
}

/// Which sessions to end.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it only describes what `Ways` reads")]
pub(super) struct EverywhereQuery {
    /// All of the person's.
    everywhere: Option<bool>,
}

/// For which chat a file is.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it only describes what `To` reads")]
pub(super) struct ChatQuery {
    /// The chat.
    c: String,
}

/// An entry of `file_data`.
#[derive(ToSchema)]
#[schema(as = AgentFile)]
#[expect(dead_code, reason = "it only describes what `maru-files` writes")]
pub(super) struct FileBody {
    name: String,
    size: u64,
    url: String,
    mime_type: String,
    preview_url: Option<String>,
}
