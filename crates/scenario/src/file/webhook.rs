//! Webhooks: somebody's server that a scenario asks.

use crate::issue::Code;
use crate::limits::{
    LIST_MAX, NAME_CHARS_MAX, TEMPLATE_CHARS_MAX, WEBHOOK_MS, WEBHOOK_MS_DEFAULT, WEBHOOK_RETRY_MAX,
};
use crate::reader::Reader;
use crate::template::Template;

use super::parts::check_address;

/// A declared webhook.
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    pub(crate) method: &'static str,
    pub(crate) url: Template,
    pub(crate) headers: Vec<(String, Template)>,
    pub(crate) timeout_ms: u64,
    pub(crate) retry: u32,
}

const METHODS: &[(&str, &str)] =
    &[("GET", "GET"), ("POST", "POST"), ("PUT", "PUT"), ("PATCH", "PATCH"), ("DELETE", "DELETE")];

/// Headers that are made by whoever sends the request, and would contradict it.
const NOT_FOR_AUTHORS: &[&str] = &[
    "connection",
    "content-length",
    "content-type",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl Webhook {
    pub(crate) fn read(reader: &Reader<'_>) -> Option<Self> {
        let members = reader.members()?;
        let method = match members.get("method") {
            Some(method) => method.word(METHODS),
            None => Some("POST"),
        };
        let url = members.need("url").and_then(|url| {
            let template = Template::read(&url, TEMPLATE_CHARS_MAX)?;
            check_address(&url, &template).map(|()| template)
        });
        let headers = members.get("headers").map(|map| map.entries(LIST_MAX)).unwrap_or_default();
        let headers = headers.iter().filter_map(|(name, value)| {
            check_header(name, value)?;
            let template = Template::read_with_secrets(value, TEMPLATE_CHARS_MAX)?;
            Some(((*name).to_owned(), template))
        });
        let headers = headers.collect();
        let timeout = members.get("timeout_ms");
        let timeout_ms = timeout.and_then(|ms| ms.integer(WEBHOOK_MS.0..=WEBHOOK_MS.1));
        let retry = members.get("retry").and_then(|n| n.integer(0..=WEBHOOK_RETRY_MAX.into()));
        members.close();
        Some(Self {
            method: method?,
            url: url?,
            headers,
            timeout_ms: timeout_ms.unwrap_or(WEBHOOK_MS_DEFAULT),
            retry: retry.and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
        })
    }
}

fn check_header(name: &str, value: &Reader<'_>) -> Option<()> {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.bytes().all(token) {
        value.error(Code::BadId, "this is no name of a header");
        return None;
    }
    if NOT_FOR_AUTHORS.contains(&name.to_ascii_lowercase().as_str()) {
        value.error(Code::BadValue, "this header is made by the sender of the request");
        return None;
    }
    if value.value.as_str().is_some_and(|text| text.contains(char::is_control)) {
        value.error(Code::BadValue, "a header is one line");
        return None;
    }
    Some(())
}
