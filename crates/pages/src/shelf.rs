//! The files of `web/dist`.

use std::borrow::Cow;

use bytes::Bytes;
use rust_embed::Embed;

#[derive(Embed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Dist;

/// How many bytes of a file's SHA-256 tell its versions apart.
const TAG_BYTES: usize = 12;

/// All that was built.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shelf;

/// A file in every form in which it is given out.
#[derive(Clone, Debug)]
pub(crate) struct File {
    /// By its name's end.
    pub(crate) content_type: &'static str,
    /// Tells this version of it from any other.
    pub(crate) tag: String,
    /// Its bytes.
    pub(crate) plain: Bytes,
    /// The same by Brotli, if it was compressed when it was built.
    pub(crate) brotli: Option<Bytes>,
    /// The same by gzip.
    pub(crate) gzip: Option<Bytes>,
}

impl Shelf {
    /// A file; `None` if it was not built. The compressed forms are no files of their own.
    pub(crate) fn file(self, path: &str) -> Option<File> {
        let content_type = content_type(path)?;
        let file = Dist::get(path)?;
        let hash = file.metadata.sha256_hash();
        let tag = hash.iter().take(TAG_BYTES).map(|byte| format!("{byte:02x}")).collect();
        let form = |end: &str| Dist::get(&format!("{path}{end}")).map(|file| bytes(file.data));
        let (brotli, gzip) = (form(".br"), form(".gz"));
        Some(File { content_type, tag, plain: bytes(file.data), brotli, gzip })
    }
}

impl File {
    /// With `from` in it replaced by `to`; then in its plain form alone.
    pub(crate) fn rewritten(self, from: &str, to: &str) -> Self {
        let text = String::from_utf8_lossy(&self.plain).replacen(from, to, 1);
        Self { plain: Bytes::from(text), brotli: None, gzip: None, ..self }
    }
}

fn bytes(data: Cow<'static, [u8]>) -> Bytes {
    match data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => Bytes::from(data),
    }
}

/// `None` for what is no file of a page.
fn content_type(path: &str) -> Option<&'static str> {
    let (_, end) = path.rsplit_once('.')?;
    Some(match end {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "ts" => "text/plain; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        "wav" => "audio/wav",
        _ => return None,
    })
}
