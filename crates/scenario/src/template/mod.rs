//! Texts with places to fill: `{{slot.menu}}`, `{{var.name|default:guest}}`.
//!
//! A template is taken apart when the file is read. What it fills in is data and is never read as
//! a template again, and what it gives is bounded.

mod data;
mod filter;
mod scope;
mod syntax;

use std::borrow::Cow;

use serde_json::Value;

pub(crate) use data::{Data, bare_path};
use filter::Filter;
pub(crate) use scope::{Path, Render, Root, Scope};
pub(crate) use syntax::is_name;

use crate::limits::RENDERED_BYTES_MAX;
use crate::text;

/// A text with places to fill.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Template {
    source: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    Place(Expression),
}

/// What stands between `{{` and `}}`.
#[derive(Clone, Debug, PartialEq)]
struct Expression {
    head: Head,
    filters: Vec<Filter>,
}

#[derive(Clone, Debug, PartialEq)]
enum Head {
    Literal(String),
    Path(Path),
}

/// A part of a header: a text, or the name of a secret that only the sender of the request knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderPart {
    /// Sent as it is.
    Text(String),
    /// Replaced by the secret of this name at the moment of sending.
    Secret(String),
}

impl Template {
    /// Takes a text apart. `Err` says what is wrong with it.
    pub(crate) fn parse(source: &str) -> Result<Self, String> {
        Ok(Self { source: source.to_owned(), parts: syntax::parts(source)? })
    }

    /// The text as the author wrote it.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// What it refers to.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.parts.iter().filter_map(|part| match part {
            Part::Place(Expression { head: Head::Path(path), .. }) => Some(path),
            _ => None,
        })
    }

    /// The text, if there is nothing to fill in.
    pub(crate) fn literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether it is one place to fill and nothing else.
    pub(crate) fn is_one_place(&self) -> bool {
        matches!(self.parts.as_slice(), [Part::Place(_)])
    }

    /// What stands before the first place to fill.
    pub(crate) fn literal_beginning(&self) -> &str {
        match self.parts.first() {
            Some(Part::Text(text)) => text,
            _ => "",
        }
    }

    /// How many characters stand between the places to fill.
    pub(crate) fn literal_chars(&self) -> usize {
        let texts = self.parts.iter().map(|part| match part {
            Part::Text(text) => text::length(text),
            Part::Place(_) => 0,
        });
        texts.sum()
    }

    /// The text filled in, of at most [`RENDERED_BYTES_MAX`] bytes and what `render` has left.
    pub(crate) fn text(&self, render: &mut Render<'_>) -> String {
        self.fill(render, |text| Cow::Borrowed(text)).0
    }

    /// The value of its one place as it is (a number stays a number), else the text filled in.
    pub(crate) fn value(&self, render: &mut Render<'_>) -> Value {
        if let [Part::Place(Expression { head: Head::Path(path), filters })] = self.parts.as_slice()
            && filters.is_empty()
        {
            return render.value(path);
        }
        Value::String(self.text(render))
    }

    /// The address of a picture or a page: one place alone is taken as it is, if it is an http
    /// address; otherwise like [`Self::address`].
    pub(crate) fn web_address(&self, render: &mut Render<'_>) -> Option<String> {
        if !self.is_one_place() {
            return self.address(render);
        }
        let address = self.text(render);
        let web = address.starts_with("https://") || address.starts_with("http://");
        (web && !address.contains(char::is_whitespace)).then_some(address)
    }

    /// An address filled in, with everything filled in percent-encoded. `None` if that would climb
    /// out of the path that the author wrote, or if it did not fit.
    pub(crate) fn address(&self, render: &mut Render<'_>) -> Option<String> {
        let (address, whole) = self.fill(render, |text| {
            Cow::Owned(percent_encoding::utf8_percent_encode(text, UNRESERVED).to_string())
        });
        let path = address.split(['?', '#']).next().unwrap_or_default();
        let climbs = path.split('/').any(|segment| {
            let plain = segment.to_ascii_lowercase().replace("%2e", ".");
            plain == "." || plain == ".."
        });
        (whole && !climbs).then_some(address)
    }

    /// A header filled in. Control characters are left out: they would end the header.
    pub(crate) fn header(&self, render: &mut Render<'_>) -> Vec<HeaderPart> {
        let mut parts = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            parts.push(match part {
                Part::Text(text) => HeaderPart::Text(text.clone()),
                Part::Place(Expression { head: Head::Path(path), .. })
                    if path.root == Root::Secret =>
                {
                    HeaderPart::Secret(path.name().to_owned())
                }
                Part::Place(place) => {
                    let mut text = place.text(render);
                    text.retain(|c| !c.is_control());
                    HeaderPart::Text(text)
                }
            });
        }
        parts
    }

    /// The text filled in, and whether it fitted.
    fn fill(
        &self,
        render: &mut Render<'_>,
        encode: impl for<'t> Fn(&'t str) -> Cow<'t, str>,
    ) -> (String, bool) {
        let mut whole = String::new();
        for part in &self.parts {
            let piece = match part {
                Part::Text(text) => Cow::Borrowed(text.as_str()),
                Part::Place(place) => Cow::Owned(encode(&place.text(render)).into_owned()),
            };
            whole.push_str(&piece);
            if whole.len() > RENDERED_BYTES_MAX {
                break;
            }
        }
        let limit = render.left.min(RENDERED_BYTES_MAX);
        let fits = whole.len() <= limit;
        if !fits {
            render.notes.push(format!("a text was cut at {limit} bytes"));
            whole.truncate(text::cut_bytes(&whole, limit).len());
        }
        render.left -= whole.len();
        (whole, fits)
    }
}

/// What a query or a path may hold as it is (RFC 3986, unreserved).
const UNRESERVED: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl Expression {
    /// What it gives as text; nothing, with a note, for what is not there.
    fn text(&self, render: &mut Render<'_>) -> String {
        let mut text: Option<String> = match &self.head {
            Head::Literal(text) => Some(text.clone()),
            Head::Path(path) => render.text(path).map(Cow::into_owned),
        };
        for filter in &self.filters {
            text = filter.apply(text, render);
            if let Some(text) = &mut text
                && text.len() > RENDERED_BYTES_MAX
            {
                text.truncate(text::cut_bytes(text, RENDERED_BYTES_MAX).len());
            }
        }
        text.unwrap_or_else(|| {
            if let Head::Path(path) = &self.head {
                render.notes.push(format!("{path} has no value"));
            }
            String::new()
        })
    }
}

#[cfg(test)]
mod tests;
