//! The endpoints.

mod attachments;
mod botmeta;
mod grant;
mod history;
mod issuer;
mod push;
mod rtm;
mod start;
mod themes;
mod webhook;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::handler::Handler as _;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, header};
use maru_door::body::BodyLimits;
use maru_door::{RouteSet, Routes};
use serde::Deserialize;

use crate::Kore;
use crate::cors::CORS;
use crate::error::Error;
use crate::form;
use crate::limits::BODY_BYTES_MAX;

/// All that is served. The SDKs' generations differ in whether `1.1` stands in a path, so each is
/// there with and without it. Everything goes through [`CORS`], which answers preflights itself.
pub(crate) fn routes(app: Arc<Kore>) -> RouteSet {
    let mut routes = Routes::of(app);
    for api in ["/api", "/api/1.1"] {
        routes = entrance(routes, api);
        routes = uploads(routes, api);
        routes = talk(routes, api);
        routes = routes.any(format!("{api}/{{*path}}"), unknown.layer(CORS));
    }
    for hook in ["/chatbot/v2/webhook/{bot}", "/chatbot/v2/webhook/{bot}/hookInstance/{instance}"] {
        routes = routes
            .post(hook, webhook::post.layer(CORS))
            .get(format!("{hook}/poll/{{poll}}"), webhook::poll.layer(CORS));
    }
    routes
        .get("/rtm/bot", rtm::open.layer(CORS))
        .get("/api/attachment/content/{ticket}/{name}", attachments::content.layer(CORS))
        .not_allowed(not_allowed.layer(CORS))
        .done()
}

/// How a user comes in.
fn entrance(routes: Routes<Arc<Kore>>, api: &str) -> Routes<Arc<Kore>> {
    let notify = format!("{api}/users/{{user}}/sdknotifications");
    routes
        .post(format!("{api}/oAuth/token/jwtgrant"), grant::by_assertion.layer(CORS))
        .post(format!("{api}/oAuth/token/jwtgrant/anonymous"), grant::anonymous.layer(CORS))
        .post(format!("{api}/rtm/start"), start::start.layer(CORS))
        .post(format!("{api}/users/sts"), issuer::sts.layer(CORS))
        // The samples' own address of the issuer ends with a slash.
        .post(format!("{api}/users/sts/"), issuer::sts.layer(CORS))
        .post(format!("{api}/users/jwttoken"), issuer::with_bot.layer(CORS))
        .post(format!("{api}/platform/websdk"), issuer::websdk.layer(CORS))
        .get(format!("{api}/websdkthemes/{{bot}}/activetheme"), themes::active.layer(CORS))
        .get(format!("{api}/botmeta/{{bot}}"), botmeta::get.layer(CORS))
        .post(format!("{notify}/subscribe"), push::accept.layer(CORS))
        .delete(format!("{notify}/subscribe"), push::accept.layer(CORS))
        .post(format!("{notify}/unsubscribe"), push::accept.layer(CORS))
        .delete(format!("{notify}/unsubscribe"), push::accept.layer(CORS))
}

/// How files come in: by the web SDK's paths, Android's, and those of webhook mode.
fn uploads(mut routes: Routes<Arc<Kore>>, api: &str) -> Routes<Arc<Kore>> {
    let webhook = "{bot}/{channel}";
    for files in [format!("{api}/attachment/file"), format!("{api}/users/{{user}}/file")] {
        routes = routes
            .post(format!("{files}/token"), attachments::token.layer(CORS))
            .post(files.as_str().to_owned(), attachments::file.layer(CORS))
            .post(format!("{files}/{{token}}/chunk"), attachments::chunk.layer(CORS))
            .put(format!("{files}/{{token}}"), attachments::merge.layer(CORS));
    }
    for files in
        [format!("{api}/attachments/{webhook}"), format!("{api}/attachments/file/{webhook}")]
    {
        let upload = format!("{files}/token/{{token}}");
        routes = routes
            .post(format!("{files}/token"), attachments::token.layer(CORS))
            .post(format!("{upload}/chunk"), attachments::chunk.layer(CORS))
            // The SDK merges at the upload itself, the documents at its chunks.
            .put(format!("{upload}/chunk"), attachments::merge.layer(CORS))
            .put(upload, attachments::merge.layer(CORS));
    }
    routes
        .post(format!("{api}/attachments/file/{webhook}"), attachments::file.layer(CORS))
        .get(format!("{api}/attachment/file/{{file}}/url"), attachments::url.layer(CORS))
        .get(
            format!("{api}/attachment/v2/stream/{{bot}}/file/{{file}}/url"),
            attachments::url.layer(CORS),
        )
}

/// What was said, and what is said without a socket.
fn talk(routes: Routes<Arc<Kore>>, api: &str) -> Routes<Arc<Kore>> {
    routes
        .get(format!("{api}/botmessages/rtm"), history::rtm.layer(CORS))
        .get(format!("{api}/chathistory/{{bot}}/{{channel}}"), history::webhook.layer(CORS))
}

async fn unknown() -> Error {
    Error::UnknownPath
}

async fn not_allowed() -> Error {
    Error::MethodNotAllowed
}

/// The parts of a path that are named in its route, decoded once, in their order.
#[derive(Debug)]
pub(crate) struct PathParts(Vec<(String, String)>);

impl PathParts {
    /// The part of this name; empty if the route has none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PathParts {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        // What does not decode names nothing.
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params = params.map_err(|_| Error::UnknownPath)?;
        Ok(Self(params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()))
    }
}

/// A query's value; of several the first.
pub(crate) fn query(query: Option<&str>, name: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(query?.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// A body that is JSON, or a form that says the same: given as the text of a JSON object. An empty
/// body is an empty object.
pub(crate) async fn read_object(headers: &HeaderMap, body: Body) -> Result<Bytes, Error> {
    let bytes = maru_door::body::read(body, BodyLimits::bytes(BODY_BYTES_MAX)).await?;
    object_of(headers, &bytes)
}

/// As [`read_object`], of a body that was read.
fn object_of(headers: &HeaderMap, bytes: &Bytes) -> Result<Bytes, Error> {
    std::str::from_utf8(bytes).map_err(|_| Error::bad("the body is not UTF-8"))?;
    if is_form(headers) {
        let value = form::parse(bytes).map_err(|error| Error::bad(error.to_string()))?;
        return Ok(value.to_string().into());
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if text.trim_ascii().is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    Ok(bytes.slice_ref(text))
}

/// Reads what [`read_object`] gave.
pub(crate) fn parse<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Error> {
    serde_json::from_slice(text).map_err(|error| Error::bad(format!("invalid body: {error}")))
}

fn is_form(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|text| {
        let essence = text.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
    })
}
