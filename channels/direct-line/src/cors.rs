//! What browsers need on every answer, errors not least: an error without these headers looks to
//! directlinejs like a network failure (direct-line.md §1.7).

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, OPTIONS");
/// What is allowed where a preflight does not say what it wants.
const HEADERS: HeaderValue =
    HeaderValue::from_static("authorization, content-type, x-ms-bot-agent, x-requested-with");
const EXPOSED: HeaderValue = HeaderValue::from_static("Retry-After, x-request-id");
/// A day, in seconds. A preflight is kept by its address, which a poll's watermark changes, so each
/// poll costs one anyway: it is answered here, before anything is looked up.
const MAX_AGE: HeaderValue = HeaderValue::from_static("86400");
const ANY: HeaderValue = HeaderValue::from_static("*");
const TRUE: HeaderValue = HeaderValue::from_static("true");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// The one path that browsers call with cookies; they then refuse `*` as an origin.
pub(crate) const SESSION_PATH: &str = "/v3/directline/session/getsessionid";

/// Answers preflights, and puts the headers on everything else.
pub(crate) async fn cors(request: Request, next: Next) -> Response {
    let with_cookies = request.uri().path() == SESSION_PATH;
    let origin = request.headers().get(header::ORIGIN).filter(|_| with_cookies).cloned();
    let mut response = if request.method() == Method::OPTIONS {
        preflight(request.headers())
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    if with_cookies {
        headers.append(header::VARY, HeaderValue::from_name(header::ORIGIN));
    }
    match origin {
        Some(origin) => {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        }
        None => {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
        }
    }
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    // What stands in the answers is one caller's; a file says itself how long it may be kept.
    headers.entry(header::CACHE_CONTROL).or_insert(NO_STORE);
    response
}

fn preflight(asked: &HeaderMap) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let wanted = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned().unwrap_or(HEADERS);
    let headers: [(HeaderName, HeaderValue); 4] = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, wanted),
        (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
        (header::VARY, HeaderValue::from_name(header::ACCESS_CONTROL_REQUEST_HEADERS)),
    ];
    response.headers_mut().extend(headers);
    response
}
