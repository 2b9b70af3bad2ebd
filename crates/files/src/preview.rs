//! Previews: a picture drawn anew, small.
//!
//! What comes out was never a stranger's bytes, so it may be shown in place. What goes in is one, so
//! it is decoded under limits of pixels and memory, away from the threads that serve, and one after the
//! other.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageDecoder as _, ImageError, ImageFormat, ImageReader, Limits};
use tokio::sync::{mpsc, oneshot};

/// The longest side of a preview, in pixels (web-chat-desk.md §4.12).
pub const SIDE_MAX: u32 = 320;

/// The most pixels of a picture of which a preview is drawn: 50 million, more than phones take.
pub const PIXELS_MAX: u64 = 50_000_000;

/// The most bytes of memory that a decoded picture may take: the most pixels with four bytes each.
pub const MEMORY_MAX: u64 = 200_000_000;

/// How many pictures may wait to be decoded. Who comes then waits to be let in.
const WAITING_MAX: usize = 64;

/// The quality of a preview without transparency, of 100.
const JPEG_QUALITY: u8 = 80;

/// A preview.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// Its media type: JPEG, or PNG if there is anything transparent in it.
    pub media_type: &'static str,
    /// The extension that goes with it.
    pub extension: &'static str,
    /// Its bytes.
    pub bytes: Bytes,
}

/// Why no preview was drawn. A picture without one is not taken at all: only what was drawn is known to
/// be a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undrawn {
    /// It cannot be read as a picture of its kind.
    #[error("the picture is damaged")]
    Damaged,
    /// It has too many pixels, or takes too much memory.
    #[error("the picture has more than {PIXELS_MAX} pixels, or takes more than {MEMORY_MAX} bytes")]
    TooLarge,
}

/// Draws previews, one after the other, in a thread of their own. So what they take of the memory is what
/// one picture may take: the system's allocator keeps something back for every thread that had it.
#[derive(Debug)]
pub struct Previews(mpsc::Sender<Job>);

/// A picture to be drawn, and who waits for it.
#[derive(Debug)]
struct Job {
    media_type: &'static str,
    picture: File,
    drawn: oneshot::Sender<Result<Preview, Undrawn>>,
}

impl Previews {
    /// Starts the thread, which ends when this is dropped.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start() -> io::Result<Self> {
        let (sender, mut jobs) = mpsc::channel::<Job>(WAITING_MAX);
        let draw_all = move || {
            while let Some(Job { media_type, picture, drawn }) = jobs.blocking_recv() {
                // Whoever hung up waits for nothing.
                if drawn.is_closed() {
                    continue;
                }
                // A decoder that panics has met a picture that is none.
                let drawing = || draw(media_type, BufReader::new(picture));
                let done = catch_unwind(AssertUnwindSafe(drawing));
                let _ = drawn.send(done.unwrap_or(Err(Undrawn::Damaged)));
            }
        };
        thread::Builder::new().name("previews".to_owned()).spawn(draw_all)?;
        Ok(Self(sender))
    }

    /// Draws the preview of the picture in a file, from where that stands.
    ///
    /// # Errors
    /// [`Undrawn`] says why not.
    pub async fn of(&self, media_type: &'static str, picture: File) -> Result<Preview, Undrawn> {
        let (drawn, waits) = oneshot::channel();
        // The thread is there as long as this is.
        let _ = self.0.send(Job { media_type, picture, drawn }).await;
        waits.await.unwrap_or(Err(Undrawn::Damaged))
    }
}

fn draw(media_type: &str, picture: impl BufRead + Seek) -> Result<Preview, Undrawn> {
    let format = ImageFormat::from_mime_type(media_type).ok_or(Undrawn::Damaged)?;
    let mut reader = ImageReader::with_format(picture, format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MEMORY_MAX);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(undrawn)?;
    let (width, height) = decoder.dimensions();
    // The limits above are those of what the decoder needs for itself; what it writes is not counted.
    if u64::from(width) * u64::from(height) > PIXELS_MAX || decoder.total_bytes() > MEMORY_MAX {
        return Err(Undrawn::TooLarge);
    }
    let orientation = decoder.orientation().map_err(undrawn)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(undrawn)?;
    picture.apply_orientation(orientation);
    write(picture)
}

#[expect(clippy::needless_pass_by_value, reason = "what map_err hands over")]
fn undrawn(error: ImageError) -> Undrawn {
    match error {
        ImageError::Limits(_) => Undrawn::TooLarge,
        _ => Undrawn::Damaged,
    }
}

fn write(picture: DynamicImage) -> Result<Preview, Undrawn> {
    let small = if picture.width().max(picture.height()) > SIDE_MAX {
        picture.thumbnail(SIDE_MAX, SIDE_MAX)
    } else {
        picture
    };
    let mut out = Cursor::new(Vec::new());
    let (media_type, extension) = if small.color().has_alpha() {
        let rgba = DynamicImage::ImageRgba8(small.into_rgba8());
        rgba.write_to(&mut out, ImageFormat::Png).map_err(undrawn)?;
        ("image/png", "png")
    } else {
        let rgb = small.into_rgb8();
        let encoder = JpegEncoder::new_with_quality(&mut out, JPEG_QUALITY);
        rgb.write_with_encoder(encoder).map_err(undrawn)?;
        ("image/jpeg", "jpg")
    };
    Ok(Preview { media_type, extension, bytes: out.into_inner().into() })
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage, Rgba, RgbaImage};

    use super::*;

    fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        picture.write_to(&mut out, format).unwrap();
        out.into_inner()
    }

    fn drawn(media_type: &str, bytes: &[u8]) -> Result<Preview, Undrawn> {
        draw(media_type, Cursor::new(bytes))
    }

    fn size_of(preview: &Preview) -> (u32, u32) {
        let format = ImageFormat::from_mime_type(preview.media_type).unwrap();
        let picture = image::load_from_memory_with_format(&preview.bytes, format).unwrap();
        (picture.width(), picture.height())
    }

    #[test]
    fn a_preview_is_small_and_drawn_anew() {
        let large = DynamicImage::ImageRgb8(RgbImage::from_pixel(900, 300, Rgb([200, 10, 10])));
        let mut jpeg = encoded(&large, ImageFormat::Jpeg);
        jpeg.extend_from_slice(b"<script>alert(1)</script>");
        let preview = drawn("image/jpeg", &jpeg).unwrap();
        assert_eq!((preview.media_type, size_of(&preview)), ("image/jpeg", (320, 107)));
        assert!(!preview.bytes.windows(7).any(|bytes| bytes == b"<script"));
        let clear = DynamicImage::ImageRgba8(RgbaImage::from_pixel(20, 10, Rgba([0, 0, 0, 0])));
        let preview = drawn("image/png", &encoded(&clear, ImageFormat::Png)).unwrap();
        assert_eq!((preview.media_type, size_of(&preview)), ("image/png", (20, 10)));
        for format in [ImageFormat::Gif, ImageFormat::WebP] {
            let bytes = encoded(&clear, format);
            assert!(drawn(format.to_mime_type(), &bytes).is_ok(), "{format:?}");
        }
    }

    #[test]
    fn a_bomb_is_not_drawn_and_what_is_no_picture_is_damaged() {
        let mut png = encoded(&DynamicImage::new_rgb8(1, 1), ImageFormat::Png);
        // The header's width and height, and its checksum left wrong: it is not even looked at.
        png[16..24].copy_from_slice(&[0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff]);
        assert!(drawn("image/png", &png).is_err());
        assert_eq!(drawn("image/gif", b"GIF89a/*<script>*/"), Err(Undrawn::TooLarge));
        assert_eq!(drawn("image/gif", b"GIF89a\x01\0\x01\0<script>"), Err(Undrawn::Damaged));
        assert_eq!(drawn("image/png", &png[..20]), Err(Undrawn::Damaged));
        assert_eq!(drawn("image/jpeg", b"\xff\xd8\xff\xe0"), Err(Undrawn::Damaged));
        assert_eq!(drawn("text/plain", b"x"), Err(Undrawn::Damaged));
    }
}
