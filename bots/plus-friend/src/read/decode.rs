//! From bytes to JSON.

use std::borrow::Cow;

use encoding_rs::{EUC_KR, Encoding, UTF_8};
use serde_json::{Map, Value};

use super::{Reader, Repair};
use crate::error::{Code, Rejected};

/// A byte order mark as a character.
const MARK: char = '\u{feff}';

/// Names of EUC-KR's superset that the web's own table of labels does not have.
const KOREAN_LABELS: [&str; 4] = ["cp949", "ms949", "uhc", "x-windows-949"];

/// An answer's content type.
struct ContentType<'a> {
    is_json: bool,
    charset: Option<&'a str>,
}

impl<'a> ContentType<'a> {
    fn read(text: Option<&'a str>) -> Self {
        let mut parts = text.unwrap_or("").split(';').map(str::trim);
        let is_json =
            parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
        let charset = parts.find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            let is_charset = name.trim().eq_ignore_ascii_case("charset");
            is_charset.then(|| value.trim().trim_matches('"'))
        });
        Self { is_json, charset }
    }

    /// `None`: a character set that nobody knows is declared.
    fn encoding(&self) -> Option<&'static Encoding> {
        let Some(label) = self.charset else { return Some(UTF_8) };
        let is_korean = KOREAN_LABELS.iter().any(|korean| korean.eq_ignore_ascii_case(label));
        if is_korean { Some(EUC_KR) } else { Encoding::for_label(label.as_bytes()) }
    }
}

impl Reader {
    /// The body as a JSON object.
    pub(super) fn object(
        &mut self,
        body: &[u8],
        content_type: Option<&str>,
    ) -> Result<Map<String, Value>, Rejected> {
        let text = self.text(body, content_type)?;
        let text = self.without_marks(&text)?;
        match serde_json::from_str(text) {
            Ok(Value::Object(members)) => Ok(members),
            Ok(_) => Err(self.rejected("the body is no JSON object")),
            // The parser's own words may repeat the body's.
            Err(error) => {
                let (line, column) = (error.line(), error.column());
                Err(self.rejected(format!(
                    "response json parsing error at line {line}, column {column}"
                )))
            }
        }
    }

    fn text<'b>(
        &mut self,
        body: &'b [u8],
        content_type: Option<&str>,
    ) -> Result<Cow<'b, str>, Rejected> {
        let content_type = ContentType::read(content_type);
        if !content_type.is_json {
            let wrong = Rejected::new(Code::UnsupportedMediaType, Repair::ContentType.about());
            self.repair_or(Repair::ContentType, wrong)?;
        }
        let is_ascii = body.is_ascii();
        if self.is_strict() && content_type.charset.is_none() && !is_ascii {
            self.repair(Repair::Charset)?;
        }
        if let Some((encoding, length)) = Encoding::for_bom(body) {
            self.repair(Repair::ByteOrderMark)?;
            let rest = body.get(length..).unwrap_or_default();
            return self.decoded(encoding, rest);
        }
        let encoding = match content_type.encoding() {
            Some(encoding) if encoding == UTF_8 || !self.is_strict() => encoding,
            _ => {
                self.repair(Repair::Charset)?;
                UTF_8
            }
        };
        self.decoded(encoding, body)
    }

    /// Decodes; where that fails it is tried whether the other of the two encodings that Korean servers
    /// write in was meant.
    fn decoded<'b>(
        &mut self,
        encoding: &'static Encoding,
        body: &'b [u8],
    ) -> Result<Cow<'b, str>, Rejected> {
        let decode = |encoding: &'static Encoding| {
            encoding.decode_without_bom_handling_and_without_replacement(body)
        };
        if let Some(text) = decode(encoding) {
            return Ok(text);
        }
        self.repair(Repair::Charset)?;
        let meant = if encoding == UTF_8 { EUC_KR } else { UTF_8 };
        decode(meant).ok_or_else(|| self.rejected("the body is no text in UTF-8"))
    }

    /// Files that are put together each bring their mark; they may stand between white space.
    fn without_marks<'t>(&mut self, text: &'t str) -> Result<&'t str, Rejected> {
        let is_padding = |c: char| c == MARK || c.is_ascii_whitespace();
        let bare = text.trim_matches(is_padding);
        if bare.len() != text.trim_matches(|c: char| c.is_ascii_whitespace()).len() {
            self.repair(Repair::ByteOrderMark)?;
        }
        Ok(bare)
    }
}
