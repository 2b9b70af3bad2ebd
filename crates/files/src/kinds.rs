//! The kinds of files that are taken, and how they are told by their first bytes.
//!
//! SVG, HTML and XML are not among them, nor is anything that a system would run; archives are not,
//! since nobody can see what is in them. A file's own claim about its type is not asked: the type it
//! is given out with is the one that stands here.

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileKind {
    /// Its media type.
    pub media_type: &'static str,
    /// The extensions that its names may have, in lower case.
    pub extensions: &'static [&'static str],
    /// What it must look like inside.
    family: Family,
    /// Whether a preview is drawn of it.
    pub has_preview: bool,
}

/// What the first bytes of a file tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Png,
    Jpeg,
    Gif,
    Webp,
    Bmp,
    Heic,
    Pdf,
    /// The container of OOXML, ODF and HWPX documents.
    Zip,
    /// The container of the older office documents and of HWP.
    Ole,
    Text,
    Mp3,
    Ogg,
    Wav,
    Matroska,
    /// MP4 and its like.
    IsoMedia,
}

const fn kind(
    media_type: &'static str,
    extensions: &'static [&'static str],
    family: Family,
) -> FileKind {
    FileKind { media_type, extensions, family, has_preview: false }
}

const fn picture(
    media_type: &'static str,
    extensions: &'static [&'static str],
    family: Family,
) -> FileKind {
    FileKind { media_type, extensions, family, has_preview: true }
}

/// All kinds that are taken.
pub const KINDS: &[FileKind] = &[
    picture("image/png", &["png"], Family::Png),
    picture("image/jpeg", &["jpg", "jpeg"], Family::Jpeg),
    picture("image/gif", &["gif"], Family::Gif),
    picture("image/webp", &["webp"], Family::Webp),
    kind("image/bmp", &["bmp"], Family::Bmp),
    kind("image/heic", &["heic", "heif"], Family::Heic),
    kind("application/pdf", &["pdf"], Family::Pdf),
    kind("text/plain", &["txt", "log"], Family::Text),
    kind("text/csv", &["csv"], Family::Text),
    kind("application/msword", &["doc"], Family::Ole),
    kind("application/vnd.ms-excel", &["xls"], Family::Ole),
    kind("application/vnd.ms-powerpoint", &["ppt"], Family::Ole),
    kind("application/x-hwp", &["hwp"], Family::Ole),
    kind("application/hwp+zip", &["hwpx"], Family::Zip),
    kind(
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        &["docx"],
        Family::Zip,
    ),
    kind(
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        &["xlsx"],
        Family::Zip,
    ),
    kind(
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        &["pptx"],
        Family::Zip,
    ),
    kind("application/vnd.oasis.opendocument.text", &["odt"], Family::Zip),
    kind("application/vnd.oasis.opendocument.spreadsheet", &["ods"], Family::Zip),
    kind("application/vnd.oasis.opendocument.presentation", &["odp"], Family::Zip),
    kind("audio/mpeg", &["mp3"], Family::Mp3),
    kind("audio/mp4", &["m4a"], Family::IsoMedia),
    kind("audio/ogg", &["ogg", "oga"], Family::Ogg),
    kind("audio/wav", &["wav"], Family::Wav),
    kind("video/mp4", &["mp4", "m4v"], Family::IsoMedia),
    kind("video/quicktime", &["mov"], Family::IsoMedia),
    kind("video/webm", &["webm"], Family::Matroska),
];

/// How many of a file's first bytes tell what it is.
pub const HEAD_BYTES: usize = 64;

/// A look at a file as it comes in, piece by piece: whether it is of a kind that is taken, and goes on as
/// that kind does.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    kind: &'static FileKind,
    /// There was something else than white space.
    has_words: bool,
}

impl Look {
    /// The first look at a file. Its name's extension and its first bytes must agree on a kind that is
    /// taken; `first` has at least [`HEAD_BYTES`] of them, or is all of it.
    pub fn at(name: &str, first: &[u8]) -> Option<Self> {
        let (stem, extension) = name.rsplit_once('.')?;
        if stem.is_empty() || first.is_empty() {
            return None;
        }
        let extension = extension.to_ascii_lowercase();
        let kind = KINDS.iter().find(|kind| kind.extensions.contains(&extension.as_str()))?;
        let mut look = Self { kind, has_words: false };
        match signature_of(first) {
            Some(family) => (family == kind.family).then_some(look),
            None if kind.family == Family::Text => {
                let words = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first);
                look.goes_on(words).then_some(look)
            }
            None => None,
        }
    }

    /// Whether a file goes on in this way.
    pub fn goes_on(&mut self, piece: &[u8]) -> bool {
        self.kind.family != Family::Text || self.is_text(piece)
    }

    /// The kind of a file that has come to its end.
    pub fn end(self) -> Option<&'static FileKind> {
        (self.kind.family != Family::Text || self.has_words).then_some(self.kind)
    }

    /// Whether this is text, in UTF-8 or one of the older encodings, and does not begin as markup does:
    /// what would make a page of it would be there, behind white space at most.
    fn is_text(&mut self, piece: &[u8]) -> bool {
        if !self.has_words {
            let first = piece.iter().find(|byte| !byte.is_ascii_whitespace());
            if first == Some(&b'<') {
                return false;
            }
            self.has_words = first.is_some();
        }
        let is_control = |byte: &u8| *byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c);
        !piece.iter().any(|byte| is_control(byte) || *byte == 0x7f)
    }
}

/// The container of MP4 says behind its first four bytes what it is.
const ISO_BRAND_AT: usize = 8;

/// The brands of pictures in that container.
const HEIC_BRANDS: [&[u8]; 5] = [b"heic", b"heix", b"heim", b"mif1", b"msf1"];

/// What a file's first bytes say it is. Text says nothing.
fn signature_of(bytes: &[u8]) -> Option<Family> {
    let signatures: [(&[u8], Family); 11] = [
        (b"\x89PNG\r\n\x1a\n", Family::Png),
        (b"\xff\xd8\xff", Family::Jpeg),
        (b"GIF87a", Family::Gif),
        (b"GIF89a", Family::Gif),
        (b"BM", Family::Bmp),
        (b"%PDF-", Family::Pdf),
        (b"PK\x03\x04", Family::Zip),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Family::Ole),
        (b"ID3", Family::Mp3),
        (b"OggS", Family::Ogg),
        (b"\x1a\x45\xdf\xa3", Family::Matroska),
    ];
    // "BM" is how many a word begins: a bitmap's header has four zeros behind its size.
    let found = signatures.iter().find(|(signature, family)| {
        bytes.starts_with(signature)
            && (*family != Family::Bmp || bytes.get(6..10) == Some(&[0; 4]))
    });
    if let Some((_, family)) = found {
        return Some(*family);
    }
    match (bytes.get(..4), bytes.get(4..8), bytes.get(ISO_BRAND_AT..ISO_BRAND_AT + 4)) {
        (Some(b"RIFF"), _, Some(b"WEBP")) => Some(Family::Webp),
        (Some(b"RIFF"), _, Some(b"WAVE")) => Some(Family::Wav),
        (_, Some(b"ftyp"), Some(brand)) if HEIC_BRANDS.contains(&brand) => Some(Family::Heic),
        (_, Some(b"ftyp"), Some(_)) => Some(Family::IsoMedia),
        // A frame of MPEG audio, layer III.
        (Some([0xff, 0xfb | 0xfa | 0xf3 | 0xf2, ..]), ..) => Some(Family::Mp3),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n....";

    /// What a file is taken for that comes in whole, and in pieces.
    fn media_type(name: &str, bytes: &[u8]) -> Option<&'static str> {
        let looked = |piece: usize| {
            let (first, rest) = bytes.split_at(bytes.len().min(HEAD_BYTES));
            let mut look = Look::at(name, first)?;
            let goes_on = rest.chunks(piece).all(|piece| look.goes_on(piece));
            look.end().filter(|_| goes_on).map(|kind| kind.media_type)
        };
        let whole = looked(usize::MAX);
        assert!([1, 7, 64].iter().all(|piece| looked(*piece) == whole), "{name}");
        whole
    }

    #[test]
    fn a_file_is_taken_when_its_name_and_its_bytes_agree() {
        let docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
        for (name, bytes, taken) in [
            ("a.png", PNG, "image/png"),
            ("사진.JPG", b"\xff\xd8\xff\xe0", "image/jpeg"),
            ("a.b.gif", b"GIF89a", "image/gif"),
            ("a.webp", b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
            ("a.wav", b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
            ("a.heic", b"\0\0\0\x18ftypheic", "image/heic"),
            ("a.mp4", b"\0\0\0\x18ftypisom", "video/mp4"),
            ("a.pdf", b"%PDF-1.7", "application/pdf"),
            ("a.docx", b"PK\x03\x04....", docx),
            ("a.hwp", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-hwp"),
            ("a.txt", "안녕 < 1".as_bytes(), "text/plain"),
            // CP949, as older programs write it.
            ("a.csv", b"\xc0\xcc\xb8\xa7,1\r\n", "text/csv"),
        ] {
            assert_eq!(media_type(name, bytes), Some(taken), "{name}");
        }
    }

    #[test]
    fn what_is_not_what_it_says_or_may_hold_a_script_is_refused() {
        let polyglot: &[u8] = b"GIF89a/*<script>alert(1)</script>*/";
        let late_page = [&[b'\n'; 500], b"<html>" as &[u8]].concat();
        let late_control = [&[b'x'; 500], b"\0" as &[u8]].concat();
        for (name, bytes) in [
            ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>" as &[u8]),
            ("a.html", b"<html>"),
            ("a.xml", b"<?xml version='1.0'?>"),
            ("a.txt", b"\xef\xbb\xbf \n<!doctype html>"),
            ("a.png", b"<svg/>"),
            ("a.png", b"\xff\xd8\xff\xe0"),
            ("a.html", polyglot),
            ("a.js", polyglot),
            ("a.svg", PNG),
            ("a.exe", b"MZ"),
            ("a.txt", b"MZ\x00\x01"),
            ("a.zip", b"PK\x03\x04"),
            ("a.png.exe", PNG),
            ("a.txt", &late_page),
            ("a.txt", &late_control),
            ("a.txt", &[b' '; 500]),
            ("png", PNG),
            (".png", PNG),
            ("a.png", b""),
            ("a.txt", b""),
            ("a.bmp", b"BM and so on"),
        ] {
            assert_eq!(media_type(name, bytes), None, "{name}");
        }
    }

    #[test]
    fn no_extension_stands_for_two_kinds() {
        let mut all: Vec<&str> = KINDS.iter().flat_map(|kind| kind.extensions).copied().collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
