//! The description of the Connector, for programs.

use utoipa::OpenApi;

use super::{activities, attachments, conversations, members};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Maru: Bot Connector",
        description = "What a Bot Framework bot calls back, at the `serviceUrl` it was given.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    paths(
        conversations::create,
        conversations::list,
        activities::send,
        activities::reply,
        activities::update,
        activities::delete,
        activities::history,
        members::list,
        members::one,
        members::delete,
        members::page,
        members::of_activity,
        attachments::upload,
        attachments::info,
        attachments::view,
    )
)]
struct Described;

/// The OpenAPI document of the Connector.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Described::openapi()
}
