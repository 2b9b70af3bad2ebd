//! Giving out a file that a stranger may have sent.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};

/// What a browser may show in place: pictures made of pixels, sound and film. Whatever can hold a
/// script (SVG and HTML above all) is only ever saved.
const SHOWN: [&str; 18] = [
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/bmp",
    "image/avif",
    "audio/mpeg",
    "audio/mp4",
    "audio/aac",
    "audio/ogg",
    "audio/wav",
    "audio/webm",
    "audio/x-wav",
    "video/mp4",
    "video/webm",
    "video/ogg",
    "video/quicktime",
    "video/mpeg",
];

const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
/// Should a browser render it after all, it is nobody's page and runs nothing.
const SANDBOX: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox");
/// A chat's page is on another origin than this server, as a rule.
const ANY_SITE: HeaderValue = HeaderValue::from_static("cross-origin");
/// A file never changes under its id. It may be erased, so it is not kept for long.
const HOUR: HeaderValue = HeaderValue::from_static("private, max-age=3600");

/// A file as an answer, with the headers that keep whatever is in it from doing harm.
pub fn download(content_type: &str, name: &str, bytes: Bytes) -> Response {
    let mut response = Response::new(Body::from(bytes));
    let any_bytes = HeaderValue::from_static("application/octet-stream");
    let headers: [(HeaderName, HeaderValue); 6] = [
        (header::CONTENT_TYPE, HeaderValue::try_from(content_type).unwrap_or(any_bytes)),
        (header::CONTENT_DISPOSITION, disposition(content_type, name)),
        (header::X_CONTENT_TYPE_OPTIONS, NOSNIFF),
        (header::CONTENT_SECURITY_POLICY, SANDBOX),
        (HeaderName::from_static("cross-origin-resource-policy"), ANY_SITE),
        (header::CACHE_CONTROL, HOUR),
    ];
    response.headers_mut().extend(headers);
    response
}

/// Whether a file is shown or saved, and its name, in both of the header's ways (RFC 6266).
fn disposition(content_type: &str, name: &str) -> HeaderValue {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let how = if SHOWN.contains(&essence.as_str()) { "inline" } else { "attachment" };
    let plain: String =
        name.chars()
            .map(|c| {
                if c == ' ' || (c.is_ascii_graphic() && !matches!(c, '"' | '\\')) { c } else { '_' }
            })
            .collect();
    let mut text = format!("{how}; filename=\"{plain}\"; filename*=UTF-8''");
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_hold_a_script_is_shown_in_place() {
        let how = |content_type: &str| {
            let header = disposition(content_type, "a");
            header.to_str().unwrap().split(';').next().unwrap().to_owned()
        };
        for shown in ["image/png", "IMAGE/JPEG", "video/mp4", "audio/ogg; codecs=opus"] {
            assert_eq!(how(shown), "inline", "{shown}");
        }
        for saved in ["image/svg+xml", "text/html", "text/plain", "application/pdf", "", "image"] {
            assert_eq!(how(saved), "attachment", "{saved}");
        }
    }

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        assert_eq!(
            disposition("image/png", "사 \"x\".png"),
            "inline; filename=\"_ _x_.png\"; filename*=UTF-8''%EC%82%AC%20%22x%22.png"
        );
    }
}
