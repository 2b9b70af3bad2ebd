//! The description of what is served over HTTP, in OpenAPI. The socket is described in
//! `docs/web-chat-protocol.md`.

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi as _};

use crate::endpoints::{file, upload};

/// The OpenAPI document of the web chat's face.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Maru: web chat files",
        description = "What a web chat sends over HTTP beside its socket: files.",
    ),
    paths(upload::post, file::get),
    modifiers(&Chat),
)]
struct Document;

/// A chat's token.
struct Chat;

impl Modify for Chat {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("The token of the socket's `welcome`"))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("chat", SecurityScheme::Http(scheme));
    }
}
