//! The three forms of an upload (direct-line.md §1.2), read into one: perhaps an activity, and files.

use std::collections::HashSet;

use bytes::Bytes;
use maru_hall::BlobId;
use maru_hall::clean_filename;

/// The content type by which the part that holds the activity is known. Its name differs from
/// client to client, and it need not come first.
pub(crate) const ACTIVITY_TYPE: &str = "application/vnd.microsoft.activity";

/// What any file may be.
const ANY_TYPE: &str = "application/octet-stream";

/// A file whose name says nothing.
const NAMELESS: &str = "file";

/// A file as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    /// The name it came under, made harmless.
    pub(crate) sent_as: String,
    /// Its own name, unlike the others'.
    pub(crate) name: String,
    /// Its media type.
    pub(crate) content_type: String,
    /// Its bytes.
    pub(crate) bytes: Bytes,
}

/// A file that is kept.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    /// By which it is fetched.
    pub(crate) id: BlobId,
    /// The name it came under, made harmless.
    pub(crate) sent_as: String,
    /// Its own name, unlike the others'.
    pub(crate) name: String,
    /// Its media type.
    pub(crate) content_type: String,
}

/// An upload, whichever form it came in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Upload {
    /// The activity's JSON, if one came along.
    pub(crate) activity: Option<Bytes>,
    /// The files, in the order they came.
    pub(crate) files: Vec<File>,
    taken: HashSet<String>,
}

impl Upload {
    /// Adds a part. One of the activity's content type is the activity, whatever it is called.
    pub(crate) fn add(&mut self, name: Option<&str>, content_type: Option<&str>, bytes: Bytes) {
        if self.activity.is_none() && content_type.is_some_and(is_activity) {
            self.activity = Some(bytes);
            return;
        }
        let sent_as = name.and_then(clean_filename).unwrap_or_else(|| NAMELESS.to_owned());
        let name = self.free_name(&sent_as);
        let content_type = content_type.map_or(ANY_TYPE.to_owned(), clean_type);
        self.files.push(File { sent_as, name, content_type, bytes });
    }

    /// A name no other file has: `a.png`, then `a (1).png`.
    fn free_name(&mut self, name: &str) -> String {
        let (stem, extension) = match name.rfind('.') {
            Some(dot) if dot > 0 => name.split_at(dot),
            _ => (name, ""),
        };
        let numbered = (1..).map(|n: u32| format!("{stem} ({n}){extension}"));
        let mut names = std::iter::once(name.to_owned()).chain(numbered);
        let free = names.find(|name| !self.taken.contains(name)).unwrap_or_default();
        self.taken.insert(free.clone());
        free
    }
}

fn is_activity(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case(ACTIVITY_TYPE)
}

/// A media type as it is kept: what is none becomes "any bytes".
pub(crate) fn clean_type(content_type: &str) -> String {
    let token = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b))
    };
    let printable =
        content_type.len() <= 200 && content_type.bytes().all(|b| (b' '..=b'~').contains(&b));
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let sound = essence.split_once('/').is_some_and(|(kind, sub)| token(kind) && token(sub));
    if printable && sound { content_type.trim().to_owned() } else { ANY_TYPE.to_owned() }
}

/// The file name in a `Content-Disposition` header, which a body that is one file comes with.
/// `filename*` is preferred.
pub(crate) fn disposition_name(header: &str) -> Option<String> {
    let mut plain = None;
    for parameter in parameters(header) {
        let Some((key, value)) = parameter.split_once('=') else { continue };
        let (key, value) = (key.trim(), value.trim());
        if key.eq_ignore_ascii_case("filename*") {
            let encoded = value.get(..7).filter(|c| c.eq_ignore_ascii_case("utf-8''"));
            if let Some(name) = encoded.and(value.get(7..)).and_then(percent_decoded) {
                return Some(name);
            }
        } else if key.eq_ignore_ascii_case("filename") {
            plain = Some(unquoted(value));
        }
    }
    plain
}

/// The parts between semicolons, less those inside quotes.
fn parameters(header: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    header.split(move |c| {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        c == ';' && !quoted
    })
}

fn unquoted(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')) else {
        return value.to_owned();
    };
    let mut escaped = false;
    let kept = inner.chars().filter(|c| {
        let drop = *c == '\\' && !escaped;
        escaped = drop;
        !drop
    });
    kept.collect()
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_activity_is_known_by_its_type_wherever_it_stands() {
        let mut upload = Upload::default();
        upload.add(Some("a.png"), Some("image/png"), Bytes::from_static(b"1"));
        upload.add(
            Some("blob"),
            Some("Application/vnd.microsoft.Activity; charset=utf-8"),
            "{}".into(),
        );
        upload.add(Some("a.png"), None, Bytes::from_static(b"2"));
        upload.add(Some(".rc"), None, Bytes::new());
        upload.add(Some(".rc"), None, Bytes::new());
        upload.add(None, Some("text/html\r\nx: y"), Bytes::new());
        assert_eq!(upload.activity.as_deref(), Some(&b"{}"[..]));
        let names: Vec<_> = upload.files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["a.png", "a (1).png", ".rc", ".rc (1)", "file"]);
        assert_eq!(upload.files[1].sent_as, "a.png");
        assert_eq!(upload.files[4].content_type, "application/octet-stream");
    }

    #[test]
    fn a_file_name_is_read_from_its_header() {
        for (header, name) in [
            (r#"name="file"; filename="x.jpg""#, Some("x.jpg")),
            (r#"form-data; name=file; FileName=x.jpg"#, Some("x.jpg")),
            (r#"attachment; filename="a;b \"c\".txt""#, Some(r#"a;b "c".txt"#)),
            ("inline; filename=x; filename*=UTF-8''%EC%82%AC.png", Some("사.png")),
            ("inline; filename=x; filename*=UTF-8''%E", Some("x")),
            (r#"name="file""#, None),
        ] {
            assert_eq!(disposition_name(header).as_deref(), name, "{header}");
        }
    }

    proptest! {
        #[test]
        fn no_header_breaks_it_and_no_type_leaves_its_line(header in ".{0,60}", kind in ".{0,40}") {
            let _ = disposition_name(&header);
            let kept = clean_type(&kind);
            prop_assert!(http::HeaderValue::try_from(&kept).is_ok() && kept.contains('/'));
        }

        #[test]
        fn every_file_has_a_name_of_its_own(names in prop::collection::vec("[ab]{0,1}(\\.[ab])?", 0..20)) {
            let mut upload = Upload::default();
            for name in &names {
                upload.add(Some(name), None, Bytes::new());
            }
            let own: HashSet<_> = upload.files.iter().map(|file| &file.name).collect();
            prop_assert_eq!(own.len(), names.len());
        }
    }
}
