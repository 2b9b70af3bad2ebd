//! A file as an answer: in the smallest form that the caller takes, or not at all if they have it.

use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::shelf::File;

/// How long a file may be kept by whoever got it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Its name changes with it.
    Forever,
    /// Its name stays, and it should not be asked for by every page of a site.
    Minutes,
    /// It is asked for each time whether it is still the same.
    AskEachTime,
    /// It must not be kept anywhere.
    Not,
}

impl Keep {
    fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Forever => "public, max-age=31536000, immutable",
            Self::Minutes => "public, max-age=300",
            Self::AskEachTime => "no-cache",
            Self::Not => "no-store",
        })
    }
}

/// `file`, for a caller with these headers.
pub(crate) fn answer(file: &File, asked: &HeaderMap, keep: Keep) -> Response {
    let (encoding, body) = form(file, asked);
    // What is compressed another way is another thing (RFC 9110, section 8.8.3).
    let tag = format!("\"{}{}\"", file.tag, encoding.map_or("", |encoding| encoding.suffix));
    let mut response = if knows(asked, &tag) && keep != Keep::Not {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = Response::new(body.into());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.content_type));
        if let Some(encoding) = encoding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.name));
        }
        response
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, keep.header());
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.insert(header::REFERRER_POLICY, NO_REFERRER);
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// No such file.
pub(crate) fn not_found() -> Response {
    (StatusCode::NOT_FOUND, [(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF)], "").into_response()
}

/// The pages are not part of this program.
pub(crate) fn not_built() -> Response {
    let text: (HeaderName, HeaderValue) =
        (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    let headers = [
        text,
        (header::CACHE_CONTROL, Keep::Not.header()),
        (header::X_CONTENT_TYPE_OPTIONS, NOSNIFF),
    ];
    (StatusCode::SERVICE_UNAVAILABLE, headers, NOT_BUILT).into_response()
}

const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");

const NOT_BUILT: &str = "This Maru was built without its pages. Everything else works.\n\n\
    To have them, run `make web` (it needs Node.js 20.19 or newer), and build Maru again.\n\n\
    이 마루는 페이지 없이 빌드되었습니다. `make web`을 실행한 뒤 다시 빌드하면 페이지가 들어갑니다.\n";

#[derive(Clone, Copy)]
struct Encoding {
    name: &'static str,
    suffix: &'static str,
}

const BROTLI: Encoding = Encoding { name: "br", suffix: "-br" };
const GZIP: Encoding = Encoding { name: "gzip", suffix: "-gz" };

fn form(file: &File, asked: &HeaderMap) -> (Option<Encoding>, Bytes) {
    for (encoding, form) in [(BROTLI, &file.brotli), (GZIP, &file.gzip)] {
        if let Some(form) = form
            && takes(asked, encoding.name)
        {
            return (Some(encoding), form.clone());
        }
    }
    (None, file.plain.clone())
}

/// Whether the caller takes this encoding: it is named, and not with a weight of nothing.
fn takes(asked: &HeaderMap, encoding: &str) -> bool {
    values(asked, &header::ACCEPT_ENCODING).any(|value| {
        let mut parts = value.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        let refused = parts
            .filter_map(|part| part.strip_prefix("q="))
            .any(|weight| weight.parse::<f32>().is_ok_and(|weight| weight == 0.0));
        named && !refused
    })
}

/// Whether the caller has what has this tag.
fn knows(asked: &HeaderMap, tag: &str) -> bool {
    values(asked, &header::IF_NONE_MATCH)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

fn values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> File {
        let bytes = |text: &'static str| Bytes::from_static(text.as_bytes());
        File {
            content_type: "text/css; charset=utf-8",
            tag: "abc".to_owned(),
            plain: bytes("plain"),
            brotli: Some(bytes("brotli")),
            gzip: Some(bytes("gzip")),
        }
    }

    fn asked(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    fn encoding(accepted: &'static str) -> Option<HeaderValue> {
        let response = answer(&file(), &asked(header::ACCEPT_ENCODING, accepted), Keep::Forever);
        response.headers().get(header::CONTENT_ENCODING).cloned()
    }

    #[test]
    fn the_smallest_form_that_is_taken_is_sent() {
        assert_eq!(encoding("gzip, deflate, br;q=0.5, zstd").unwrap(), "br");
        assert_eq!(encoding("br;q=0, GZIP").unwrap(), "gzip");
        assert_eq!(encoding("deflate"), None);
        assert_eq!(encoding("br;q=0.0, gzip; q=0"), None);
    }

    #[test]
    fn what_the_caller_has_is_not_sent_again() {
        let mut headers = asked(header::IF_NONE_MATCH, "\"old\", W/\"abc-br\"");
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("br"));
        let response = answer(&file(), &headers, Keep::Minutes);
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(response.headers()[header::ETAG], "\"abc-br\"");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "public, max-age=300");
        // The plain form is another thing.
        headers.remove(header::ACCEPT_ENCODING);
        assert_eq!(answer(&file(), &headers, Keep::Minutes).status(), StatusCode::OK);
    }

    #[test]
    fn every_answer_is_what_it_says_and_tells_no_other_site() {
        for keep in [Keep::Forever, Keep::Minutes, Keep::AskEachTime, Keep::Not] {
            let response = answer(&file(), &HeaderMap::new(), keep);
            assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
            assert_eq!(response.headers()[header::REFERRER_POLICY], "no-referrer");
            assert_eq!(response.headers()[header::VARY], "accept-encoding");
        }
    }
}
