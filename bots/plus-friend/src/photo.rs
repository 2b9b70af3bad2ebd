//! A picture that a partner shows: copied while its link lives, so that the log does not die with it.

use std::time::Duration;

use http::{Method, StatusCode};
use maru_activity::RealmId;
use maru_egress::{Call, Egress};
use maru_hall::{BlobId, Hall};

use crate::KIND;
use crate::get::get;
use crate::limits::PHOTO_BYTES_MAX;
use crate::wire::message::Photo;

/// How long a picture may take. The answer waits for it.
const PATIENCE: Duration = Duration::from_secs(3);

/// A picture as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Picture {
    /// A copy of it.
    Kept {
        /// The copy.
        id: BlobId,
        /// What it is.
        format: Format,
    },
    /// It where the partner has it: it could not be had, is too large, or is no picture.
    Linked {
        /// Its address.
        url: String,
    },
}

/// What pictures are copied: of those that browsers show, the ones that hold no script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Jpeg,
    Png,
    Gif,
    WebP,
}

impl Format {
    /// By its first bytes: what its server says of it may be anything.
    fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            _ => None,
        }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::WebP => "image/webp",
        }
    }

    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Gif => "gif",
            Self::WebP => "webp",
        }
    }
}

/// Copies a picture, or leaves it where it is.
pub(crate) async fn keep(
    hall: &Hall,
    egress: &Egress,
    realm: &RealmId,
    photo: &Photo,
    within: Duration,
) -> Picture {
    match copy(hall, egress, realm, photo, within.min(PATIENCE)).await {
        Ok(picture) => picture,
        Err(cause) => {
            tracing::debug!(realm.id = %realm, cause, "a picture was not copied");
            Picture::Linked { url: photo.url.clone() }
        }
    }
}

async fn copy(
    hall: &Hall,
    egress: &Egress,
    realm: &RealmId,
    photo: &Photo,
    within: Duration,
) -> Result<Picture, String> {
    let call = Call {
        body_max: Some(PHOTO_BYTES_MAX),
        ..Call::new(KIND, Method::GET, photo.url.as_str(), within)
    };
    let answer = get(egress, call).await.map_err(|failure| failure.to_string())?;
    if answer.status != StatusCode::OK {
        return Err(format!("its server answered {}", answer.status.as_u16()));
    }
    let format = Format::of(&answer.body).ok_or("it is neither JPEG, PNG, GIF nor WebP")?;
    let name = format!("photo.{}", format.extension());
    let kept = hall.blobs().put(realm, format.content_type(), &name, answer.body).await;
    Ok(Picture::Kept { id: kept.map_err(|error| error.to_string())?, format })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_known_by_its_bytes() {
        for (bytes, format) in [
            (&b"\xff\xd8\xff\xe0"[..], Some(Format::Jpeg)),
            (b"\x89PNG\r\n\x1a\n\0", Some(Format::Png)),
            (b"GIF89a", Some(Format::Gif)),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some(Format::WebP)),
            (b"RIFF\0\0\0\0WAVE", None),
            (b"<svg onload=alert(1)>", None),
            (b"<html>", None),
            (b"", None),
        ] {
            assert_eq!(Format::of(bytes), format);
        }
    }
}
