//! Taking a file in.

use axum::body::Body;
use http::HeaderMap;
use maru_door::Kind;
use maru_door::body::BodyLimits;
use maru_door::multipart::{Multipart, MultipartError, MultipartLimits};
use maru_hall::{BlobError, Conversation};
use serde::Serialize;

use crate::kinds::{FileKind, kind_of};
use crate::preview::{Preview, Undrawn};
use crate::{Files, LinkOf, naming::short_name};

/// The part of the form that holds the file.
const FIELD: &str = "file";

/// What a form may have beside the file: boundaries, headers, and fields that nobody reads.
const FORM_BYTES: usize = 64 * 1024;

/// The most parts of a form.
const PARTS_MAX: usize = 8;

/// A file as messages name it (web-chat-desk.md §1.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileData {
    /// Its name, cut to what a message may say.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// Where it is.
    pub url: String,
    /// Its media type.
    pub mime_type: &'static str,
    /// Where its preview is, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview_url: Option<String>,
}

/// Why a file was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The form is not read.
    #[error(transparent)]
    Form(#[from] MultipartError),
    /// The form has no part `file` with a file's name.
    #[error("the form has no part 'file' with a file")]
    NoFile,
    /// It is of no kind that is taken, or is not what its name says.
    #[error("files of this kind are not taken, or the file is not what its name says")]
    NotTaken,
    /// It is a picture of which no preview can be drawn.
    #[error(transparent)]
    Undrawn(#[from] Undrawn),
    /// It cannot be kept.
    #[error("the file cannot be kept now")]
    Files(#[from] BlobError),
}

impl Refused {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Form(error) => error.kind(),
            Self::NoFile | Self::NotTaken | Self::Undrawn(_) => Kind::Invalid,
            Self::Files(_) => Kind::Unavailable,
        }
    }
}

impl Files {
    /// Takes the file of an upload: checks it, draws its preview, and keeps both. If no message
    /// names them within a day they go again. `bytes_max` is the most bytes of the file, which are
    /// counted as they come; `base_url` is how its sender reaches this server.
    ///
    /// # Errors
    /// [`Refused`] says why not.
    pub async fn take(
        &self,
        conversation: &Conversation,
        base_url: &str,
        (headers, body): (&HeaderMap, Body),
        bytes_max: usize,
    ) -> Result<FileData, Refused> {
        let limits = MultipartLimits {
            body: BodyLimits::upload(bytes_max + FORM_BYTES),
            max_parts: PARTS_MAX,
            ..MultipartLimits::bytes(bytes_max)
        };
        let mut form = Multipart::new(headers, body, limits)?;
        let mut file = None;
        while let Some(part) = form.next().await? {
            if file.is_none() && part.name == FIELD {
                file = part.filename.map(|name| (name, part.bytes));
            }
        }
        let (name, bytes) = file.ok_or(Refused::NoFile)?;
        let FileKind { media_type, has_preview, .. } =
            *kind_of(&name, &bytes).ok_or(Refused::NotTaken)?;
        let preview = match has_preview {
            true => Some(self.previews.of(media_type, bytes.clone()).await?),
            false => None,
        };
        let size = bytes.len() as u64;
        let blobs = self.hall.blobs();
        let blob = blobs.put(&conversation.realm, media_type, &name, bytes).await?;
        let link = |blob, of, name: &str| self.link(base_url, conversation, blob, of, name);
        let url = link(&blob, LinkOf::File, &name);
        let mut preview_url = None;
        if let Some(Preview { media_type, extension, bytes }) = preview {
            let name = format!("preview.{extension}");
            let blob = blobs.put(&conversation.realm, media_type, &name, bytes).await?;
            preview_url = Some(link(&blob, LinkOf::Preview, &name));
        }
        Ok(FileData { name: short_name(&name), size, url, mime_type: media_type, preview_url })
    }
}
