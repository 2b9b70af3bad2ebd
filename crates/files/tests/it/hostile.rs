//! Files that are two things at once, that are not what they say, or that grow when they are opened: each
//! is refused, or is kept as it is and only ever saved, never shown in place.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat};
use maru_files::Refused;

use crate::house::House;

/// What would run if anything did.
const SCRIPT: &[u8] = b"<script>window.pwned=1</script>";

/// What becomes of a file.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    /// It is kept, as this.
    Kept(&'static str),
    /// It is of no kind that is taken, or not what its name says.
    NotTaken,
    /// It is no picture, or too large a one.
    Undrawn,
}

use Fate::{Kept, NotTaken, Undrawn};

fn picture(format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    DynamicImage::new_rgb8(32, 16).write_to(&mut out, format).unwrap();
    out.into_inner()
}

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// The checksum of PNG's chunks (ISO 3309).
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc: u32, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    })
}

fn chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    let body = joined(&[kind, data]);
    joined(&[&length, &body, &crc(&body).to_be_bytes()])
}

/// A PNG that says it has this many pixels, of 8 or 16 bits with transparency, and has next to none.
fn png_of(width: u32, height: u32, bits: u8) -> Vec<u8> {
    let size = joined(&[&width.to_be_bytes(), &height.to_be_bytes(), &[bits, 6, 0, 0, 0]]);
    // An empty stream of zlib.
    let data = b"\x78\x9c\x03\x00\x00\x00\x00\x01";
    joined(&[
        b"\x89PNG\r\n\x1a\n",
        &chunk(b"IHDR", &size),
        &chunk(b"IDAT", data),
        &chunk(b"IEND", b""),
    ])
}

/// An archive with one entry of this name, which says that it becomes four gigabytes.
fn archive(name: &[u8]) -> Vec<u8> {
    let data = vec![0xaa; 42_000];
    let sizes = joined(&[&42_000_u32.to_le_bytes(), &u32::MAX.to_le_bytes()]);
    let lengths = [u8::try_from(name.len()).unwrap(), 0, 0, 0];
    joined(&[b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0", &sizes, &lengths, name, &data])
}

/// Pictures with something else behind them, or between their parts.
fn pictures() -> Vec<(&'static str, Vec<u8>, Fate)> {
    let [png, jpeg, gif, webp] =
        [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::WebP].map(picture);
    let jar = archive(b"META-INF/MANIFEST.MF");
    let comment = b"*/=window.pwned=1/*";
    let length = u16::try_from(comment.len() + 2).unwrap().to_be_bytes();
    let jpeg_js = joined(&[&jpeg[..2], b"\xff\xfe", &length, comment, &jpeg[2..]]);
    let text = chunk(b"tEXt", &joined(&[b"Comment\0", SCRIPT]));
    let png_text = joined(&[&png[..33], &text, &png[33..]]);
    vec![
        ("gifar.gif", joined(&[&gif, &jar]), Kept("image/gif")),
        ("gif-html.gif", joined(&[&gif, SCRIPT]), Kept("image/gif")),
        ("png-html.png", joined(&[&png, SCRIPT]), Kept("image/png")),
        ("png-text.png", png_text, Kept("image/png")),
        ("png-jar.png", joined(&[&png, &jar]), Kept("image/png")),
        ("jpeg-html.jpg", joined(&[&jpeg, SCRIPT]), Kept("image/jpeg")),
        ("jpeg-js.jpg", jpeg_js, Kept("image/jpeg")),
        ("jpeg-php.jpeg", joined(&[&jpeg, b"<?php phpinfo();"]), Kept("image/jpeg")),
        ("webp-html.webp", joined(&[&webp, SCRIPT]), Kept("image/webp")),
        ("gif-js.gif", b"GIF89a=1;window.pwned=1//".to_vec(), Undrawn),
        ("gif-html.gif", joined(&[b"GIF89a", SCRIPT]), Undrawn),
        ("png-only-head.png", joined(&[b"\x89PNG\r\n\x1a\n", SCRIPT]), Undrawn),
        ("jpeg-only-head.jpg", joined(&[b"\xff\xd8\xff\xe0", SCRIPT]), Undrawn),
        ("webp-only-head.webp", joined(&[b"RIFF\x24\0\0\0WEBPVP8 ", SCRIPT]), Undrawn),
        ("jpeg-as.png", jpeg.clone(), NotTaken),
        ("png-as.jpg", png.clone(), NotTaken),
        ("png-as.html", png.clone(), NotTaken),
        ("png-as.svg", png.clone(), NotTaken),
        ("jpeg-as.js", jpeg, NotTaken),
        ("png.png.html", png.clone(), NotTaken),
        ("png.php", png, NotTaken),
    ]
}

/// Pictures that say they are far larger than their bytes.
fn bombs() -> Vec<(&'static str, Vec<u8>, Fate)> {
    let mut gif = picture(ImageFormat::Gif);
    gif[6..10].copy_from_slice(&[0xff; 4]);
    let mut jpeg = picture(ImageFormat::Jpeg);
    let frame = jpeg.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xff, 0xdc, 0xff, 0xdc]);
    vec![
        ("bomb.png", png_of(30_000, 30_000, 8), Undrawn),
        ("bomb-wide.png", png_of(1 << 30, 1, 8), Undrawn),
        ("bomb-deep.png", png_of(7_000, 7_000, 16), Undrawn),
        ("bomb.gif", gif, Undrawn),
        ("bomb.jpg", jpeg, Undrawn),
        ("bomb.docx", archive(b"word/document.xml"), Kept(DOCX)),
        ("bomb.hwpx", archive(b"Contents/section0.xml"), Kept("application/hwp+zip")),
        ("bomb.zip", archive(b"bomb.txt"), NotTaken),
        ("bomb.gz", b"\x1f\x8b\x08\0".to_vec(), NotTaken),
    ]
}

const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";

/// Everything that is no picture.
fn others() -> Vec<(&'static str, Vec<u8>, Fate)> {
    let behind = |head: &[u8]| joined(&[head, SCRIPT]);
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='window.pwned=1'/>".to_vec();
    let utf16: Vec<u8> =
        std::iter::once(0xfeff).chain("<html>".encode_utf16()).flat_map(u16::to_le_bytes).collect();
    vec![
        ("pdf-html.pdf", behind(b"%PDF-1.7\n"), Kept("application/pdf")),
        ("pdf-js.pdf", b"%PDF-1.7 /OpenAction<</S/JavaScript>>".to_vec(), Kept("application/pdf")),
        ("jar.docx", archive(b"META-INF/MANIFEST.MF"), Kept(DOCX)),
        ("html.docx", behind(b"PK\x03\x04"), Kept(DOCX)),
        ("macro.doc", behind(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), Kept("application/msword")),
        ("html.mp3", behind(b"ID3"), Kept("audio/mpeg")),
        ("html.ogg", behind(b"OggS"), Kept("audio/ogg")),
        ("html.mp4", behind(b"\0\0\0\x18ftypisom"), Kept("video/mp4")),
        ("html.webm", behind(b"\x1a\x45\xdf\xa3"), Kept("video/webm")),
        ("html.bmp", behind(b"BM\x10\0\0\0\0\0\0\0"), Kept("image/bmp")),
        ("html.heic", behind(b"\0\0\0\x18ftypheic"), Kept("image/heic")),
        ("formula.csv", b"=cmd|' /C calc'!A0".to_vec(), Kept("text/csv")),
        ("script.txt", behind(b"harmless words "), Kept("text/plain")),
        ("svg.svg", svg.clone(), NotTaken),
        ("svg.png", svg.clone(), NotTaken),
        ("svg.txt", svg, NotTaken),
        ("page.html", SCRIPT.to_vec(), NotTaken),
        ("page.xhtml", SCRIPT.to_vec(), NotTaken),
        ("page.txt", behind(b"\xef\xbb\xbf\n\t "), NotTaken),
        ("page.jpg", SCRIPT.to_vec(), NotTaken),
        ("page.pdf", behind(b"\n%PDF-1.7"), NotTaken),
        ("page.csv", behind(b" \r\n"), NotTaken),
        ("utf16.txt", utf16, NotTaken),
        ("page.xml", b"<?xml version='1.0'?>".to_vec(), NotTaken),
        ("page.mht", b"MIME-Version: 1.0".to_vec(), NotTaken),
        ("page.svgz", b"\x1f\x8b\x08\0".to_vec(), NotTaken),
        ("run.exe", b"MZ\x90\0".to_vec(), NotTaken),
        ("run.js", b"window.pwned=1".to_vec(), NotTaken),
        ("run.hta", SCRIPT.to_vec(), NotTaken),
        ("run.url", b"[InternetShortcut]".to_vec(), NotTaken),
        ("run.swf", b"FWS\x09".to_vec(), NotTaken),
        ("run.wasm", b"\0asm\x01\0\0\0".to_vec(), NotTaken),
        ("run.txt", b"MZ\x90\0".to_vec(), NotTaken),
        ("run.bmp", b"BM and more".to_vec(), NotTaken),
        ("no-name", SCRIPT.to_vec(), NotTaken),
        ("empty.png", Vec::new(), NotTaken),
        ("empty.txt", Vec::new(), NotTaken),
    ]
}

#[tokio::test]
async fn whatever_is_two_things_at_once_is_refused_or_only_ever_saved() {
    let house = House::new().await;
    let conversation = house.conversation().await;
    let files: Vec<_> = pictures().into_iter().chain(bombs()).chain(others()).collect();
    for (name, bytes, fate) in &files {
        let taken = match house.take(&conversation, "file", name, bytes).await {
            Ok(taken) => taken,
            Err(Refused::NotTaken) => {
                assert_eq!(*fate, NotTaken, "{name}");
                continue;
            }
            Err(Refused::Undrawn(_)) => {
                assert_eq!(*fate, Undrawn, "{name}");
                continue;
            }
            Err(error) => unreachable!("{name}: {error}"),
        };
        // What is given out is what came, and is never shown in place; `fetch` looks at the headers
        // that say so.
        let (content_type, how, body) = house.fetch(&taken.url).await.unwrap();
        assert!(matches!(fate, Kept(kept) if *kept == content_type), "{name}: {content_type}");
        assert!(body == bytes && how.starts_with("attachment;"), "{name}: {how}");
        if let Some(preview) = taken.preview_url {
            let (content_type, _, drawn) = house.fetch(&preview).await.unwrap();
            assert!(content_type.starts_with("image/"), "{name}: {content_type}");
            let has = |wanted: &[u8]| drawn.windows(wanted.len()).any(|bytes| bytes == wanted);
            assert!(!has(b"pwned") && !has(b"PK\x03\x04") && !has(b"<?php"), "{name}");
        }
    }
    assert!(files.len() >= 60, "{}", files.len());
}
