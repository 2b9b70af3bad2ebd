//! A lenient reader of `multipart/form-data`, for what the SDKs send (kore-rtm.md §1.7).
//!
//! The web SDK writes its bodies by hand: a semicolon behind the last parameter of a header, a
//! content type that is none, and files as base64 text in one line, which a strict reader refuses.
//! The mobile SDKs send ordinary forms. A part is base64 only where its own header says so.
//!
//! The web SDK's uploader never forgets a part: each body of a page begins with all that it sent before.
//! So the last part of a name is the one that counts, and those before it are passed over unread.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use maru_hall::clean_filename;
use memchr::memmem;

use crate::limits::{PART_HEADER_BYTES_MAX, PARTS_MAX};

/// The longest boundary that is taken, in bytes. RFC 2046 allows 70.
const BOUNDARY_MAX: usize = 200;

/// What the web SDK writes in the place of an empty file, and of the last chunk of one whose size is
/// a multiple of a chunk's: it takes the empty text for nothing, and writes out the object around it.
const NO_DATA: &[u8] = b"[object Object]";

/// Base64 with or without what fills it up.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a body is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MultipartError {
    #[error("the body is no multipart form")]
    NoForm,
    #[error("the form has parts of more than {PARTS_MAX} names")]
    TooManyNames,
    #[error("a part's header is too long")]
    HeaderTooLong,
    #[error("a part is not base64 as its header says")]
    NoBase64,
    #[error("a part is longer than {0} bytes")]
    PartTooLarge(usize),
}

/// One part of a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    /// Its name; empty if it has none.
    pub(crate) name: String,
    /// The file's name, made harmless.
    pub(crate) filename: Option<String>,
    /// Its contents, decoded.
    pub(crate) bytes: Bytes,
}

/// Reads a whole body: the last part of each name. What came as it is, is not copied.
///
/// `content_type` is the request's; where it names no boundary, or another one than the body has,
/// the body's first line counts. No part may have more than `part_max` bytes once it is decoded.
pub(crate) fn parse(
    content_type: &str,
    body: &Bytes,
    part_max: usize,
) -> Result<Vec<Part>, MultipartError> {
    let delimiter = delimiter(content_type, body).ok_or(MultipartError::NoForm)?;
    let finder = memmem::Finder::new(&delimiter);
    let mut last: Vec<Unread> = Vec::new();
    let mut place =
        next_delimiter(&finder, body, 0).ok_or(MultipartError::NoForm)? + delimiter.len();
    // Behind the last one stand two hyphens. One that broke off before has whole parts only.
    while let Some(rest) = body.get(place..).filter(|rest| !rest.starts_with(b"--")) {
        let Some(start) = end_of_line(rest).map(|end| place + end) else { break };
        let Some(end) = next_delimiter(&finder, body, start) else { break };
        let part = Unread::of(&body.slice(start..before_line(body, start, end)))?;
        let known = last.len();
        match last.iter_mut().find(|known| known.name == part.name) {
            Some(last) => *last = part,
            None if known == PARTS_MAX => return Err(MultipartError::TooManyNames),
            None => last.push(part),
        }
        place = end + delimiter.len();
    }
    last.into_iter().map(|part| part.read(part_max)).collect()
}

/// A part whose contents were not decoded yet.
struct Unread {
    name: String,
    filename: Option<String>,
    contents: Bytes,
    is_base64: bool,
}

/// Two hyphens and the boundary, as the parts are divided by.
fn delimiter(content_type: &str, body: &Bytes) -> Option<Vec<u8>> {
    let named = parameter(content_type, "boundary").map(|boundary| format!("--{boundary}"));
    let sound = |text: &[u8]| (3..=BOUNDARY_MAX).contains(&text.len());
    let named = named.map(String::into_bytes).filter(|text| sound(text));
    if let Some(named) = named
        && next_delimiter(&memmem::Finder::new(&named), body, 0).is_some()
    {
        return Some(named);
    }
    let first = body.split(|b| *b == b'\n').next()?.trim_ascii_end();
    (first.starts_with(b"--") && sound(first)).then(|| first.to_vec())
}

/// Where the next delimiter stands: it begins a line, and no word goes on behind it.
fn next_delimiter(finder: &memmem::Finder<'_>, body: &[u8], from: usize) -> Option<usize> {
    let mut found = finder.find_iter(body.get(from..)?).map(|place| from + place);
    found.find(|place| {
        let before = place.checked_sub(1).and_then(|before| body.get(before));
        let behind = body.get(place + finder.needle().len());
        before.is_none_or(|b| *b == b'\n') && behind.is_none_or(|b| b"-\r\n\t ".contains(b))
    })
}

/// How far it is to behind the next line's end.
fn end_of_line(text: &[u8]) -> Option<usize> {
    memchr::memchr(b'\n', text).map(|place| place + 1)
}

/// Where the line ends that stands before `end`; it is not a part of what stands there.
fn before_line(body: &[u8], start: usize, end: usize) -> usize {
    let text = body.get(start..end).unwrap_or_default();
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    start + text.strip_suffix(b"\r").unwrap_or(text).len()
}

impl Unread {
    /// Takes a part apart: header lines, an empty line, and its contents.
    fn of(text: &Bytes) -> Result<Self, MultipartError> {
        let (mut name, mut filename) = (String::new(), None);
        let (mut place, mut is_base64) = (0, false);
        loop {
            let rest = text.get(place..).unwrap_or_default();
            let length = end_of_line(rest).unwrap_or(rest.len());
            let line = rest.get(..length).unwrap_or_default().trim_ascii();
            place += length;
            if place > PART_HEADER_BYTES_MAX {
                return Err(MultipartError::HeaderTooLong);
            }
            if line.is_empty() {
                break;
            }
            let line = String::from_utf8_lossy(line);
            let Some((header, value)) = line.split_once(':') else { continue };
            if header.trim().eq_ignore_ascii_case("content-disposition") {
                name = parameter(value, "name").unwrap_or_default();
                filename = parameter(value, "filename").as_deref().and_then(clean_filename);
            } else if header.trim().eq_ignore_ascii_case("content-transfer-encoding") {
                is_base64 = value.trim().trim_end_matches(';').eq_ignore_ascii_case("base64");
            }
        }
        let contents = text.slice(place.min(text.len())..);
        Ok(Self { name, filename, contents, is_base64 })
    }

    fn read(self, part_max: usize) -> Result<Part, MultipartError> {
        let Self { name, filename, mut contents, is_base64 } = self;
        if filename.is_none() && contents == NO_DATA {
            contents.clear();
        }
        let bytes = if is_base64 { decoded(&contents, part_max)? } else { contents };
        if bytes.len() > part_max {
            return Err(MultipartError::PartTooLarge(part_max));
        }
        Ok(Part { name, filename, bytes })
    }
}

fn decoded(text: &[u8], max: usize) -> Result<Bytes, MultipartError> {
    // As a rule it is one line, which needs no copy.
    let text = text.trim_ascii();
    // What a browser puts in front of it; older ones write no more than this for an empty file.
    let text = match text.strip_prefix(b"data:") {
        Some(rest) => {
            memchr::memchr(b',', rest).map_or(&[][..], |comma| rest.split_at(comma + 1).1)
        }
        None => text,
    };
    if text.len() / 4 * 3 > max.saturating_add(3) {
        return Err(MultipartError::PartTooLarge(max));
    }
    let plain = if text.iter().any(u8::is_ascii_whitespace) {
        let joined: Vec<u8> = text.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
        BASE64.decode(joined)
    } else {
        BASE64.decode(text)
    };
    plain.map(Bytes::from).map_err(|_| MultipartError::NoBase64)
}

/// A parameter of a header: `form-data; name="x"; filename="a;b.txt";`. Quotes may be missing.
fn parameter(header: &str, name: &str) -> Option<String> {
    let (mut quoted, mut escaped) = (false, false);
    let mut parameters = header.split(move |c| {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        c == ';' && !quoted
    });
    let value = parameters.find_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })?;
    let Some(inner) = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) else {
        return Some(value.to_owned());
    };
    let mut escaped = false;
    let kept = inner.chars().filter(|c| {
        let drop = *c == '\\' && !escaped;
        escaped = drop;
        !drop
    });
    Some(kept.collect())
}

#[cfg(test)]
mod tests;
