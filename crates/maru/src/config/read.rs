//! How the table takes values: each of these reads one, or says what is wrong with it.

use std::path::Path;
use std::time::Duration;

use maru_accounts::Secret;
use maru_door::{PublicUrl, RequestLog, TrustedProxies};
use maru_egress::Rule;
use maru_notify::Gateway;

use super::{LogFormat, Value};
use crate::engines::urls;

pub(super) fn put<T>(place: &mut T, value: Result<T, String>) -> Result<(), String> {
    *place = value?;
    Ok(())
}

pub(super) fn needed(value: &Value) -> Result<&str, String> {
    optional(value).ok_or_else(|| "must not be empty".to_owned())
}

pub(super) fn optional(value: &Value) -> Option<&str> {
    Some(value.as_text()).filter(|text| !text.is_empty())
}

pub(super) fn path(path: Option<&Path>) -> Value {
    path.map_or(Value::Text(String::new()), |path| Value::text(path.display()))
}

pub(super) fn exposed(secret: Option<&Secret>) -> Value {
    Value::text(secret.map_or("", Secret::expose))
}

/// A URL that is checked where it stands, or a reference to one, which is followed only at the start.
pub(super) fn secret_url(
    value: &Value,
    check: impl Fn(&str) -> Result<(), String>,
) -> Result<Option<Secret>, String> {
    let Some(text) = optional(value) else { return Ok(None) };
    if !urls::is_reference(text) {
        check(text)?;
    }
    Ok(Some(Secret::new(text)))
}

pub(super) fn subject(value: &Value) -> Result<String, String> {
    let text = needed(value)?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if text.len() <= 64 && text.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("must be at most 64 of a-z A-Z 0-9 _ -".to_owned())
    }
}

pub(super) fn options(value: &Value) -> Result<Vec<Secret>, String> {
    let option = |text: &String| match text.split_once('=') {
        Some((name, _)) if !name.is_empty() => Ok(Secret::new(text.as_str())),
        _ => Err("each must be NAME=VALUE".to_owned()),
    };
    value.items().iter().map(option).collect()
}

pub(super) fn base_url(value: &Value) -> Result<Option<String>, String> {
    let Some(text) = optional(value) else { return Ok(None) };
    let url = PublicUrl::parse(text).map_err(|error| error.to_string())?;
    Ok(Some(url.as_str().to_owned()))
}

/// A URL that alerts can be posted to.
pub(super) fn check_gateway(text: &str) -> Result<(), String> {
    match url::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(()),
        _ => Err("must be an absolute http or https URL".to_owned()),
    }
}

pub(super) fn gateway_body(value: &Value) -> Result<Option<String>, String> {
    let Some(text) = optional(value) else { return Ok(None) };
    let tried = Gateway::new("", None, Some(text), Duration::ZERO);
    tried.map(|_| Some(text.to_owned())).map_err(|error| error.to_string())
}

pub(super) fn networks(value: &Value) -> Result<Vec<String>, String> {
    TrustedProxies::parse(value.items()).map_err(|error| error.to_string())?;
    Ok(value.items().to_vec())
}

/// Each item of a list, read alike.
pub(super) fn each<T, E: std::fmt::Display>(
    value: &Value,
    read: impl Fn(&str) -> Result<T, E>,
) -> Result<Vec<T>, String> {
    value.items().iter().map(|text| read(text).map_err(|error| error.to_string())).collect()
}

pub(super) fn rules(value: &Value) -> Result<Vec<Rule>, String> {
    value.items().iter().map(|text| text.parse().map_err(|e| format!("{text:?}: {e}"))).collect()
}

pub(super) fn log_format(value: &Value) -> Result<LogFormat, String> {
    match value.as_text() {
        "auto" => Ok(LogFormat::Auto),
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        other => Err(format!("{other:?} is not one of auto, text, json")),
    }
}

pub(super) fn log_format_name(format: LogFormat) -> &'static str {
    match format {
        LogFormat::Auto => "auto",
        LogFormat::Text => "text",
        LogFormat::Json => "json",
    }
}

pub(super) fn request_log(value: &Value) -> Result<RequestLog, String> {
    match value.as_text() {
        "info" => Ok(RequestLog::Info),
        "debug" => Ok(RequestLog::Debug),
        other => Err(format!("{other:?} is not one of info, debug")),
    }
}

pub(super) fn log_level(value: &Value) -> Result<String, String> {
    let text = value.as_text();
    match tracing_subscriber::EnvFilter::builder().parse(text) {
        Ok(_) if !text.is_empty() => Ok(text.to_owned()),
        _ => Err(format!("{text:?} is no log level")),
    }
}
