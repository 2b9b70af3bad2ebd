//! Taking a file in.

use std::fs::File;
use std::io::{self, Seek as _};

use axum::body::Body;
use bytes::BytesMut;
use http::HeaderMap;
use maru_activity::RealmId;
use maru_door::Kind;
use maru_door::body::BodyLimits;
use maru_door::multipart::{Incoming, Multipart, MultipartError, MultipartLimits};
use maru_hall::{Blob, BlobError, BlobId, Conversation};
use serde::Serialize;
use tokio::io::BufReader;

use crate::kinds::{FileKind, HEAD_BYTES, Look};
use crate::preview::{Preview, Previews, Undrawn};
use crate::spool::Spool;
use crate::{Files, LinkOf, naming::short_name};

/// The part of the form that holds the file.
const FIELD: &str = "file";

/// What a form may have beside the file: boundaries, headers, and fields that nobody reads.
const FORM_BYTES: usize = 64 * 1024;

/// The most parts of a form.
const PARTS_MAX: usize = 8;

/// How much of a file is read at once while it is copied, in bytes.
const COPIED: usize = 256 * 1024;

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
    /// It cannot be written down while it comes in.
    #[error("the file cannot be kept now")]
    Disk(#[from] io::Error),
}

impl Refused {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Form(error) => error.kind(),
            Self::NoFile | Self::NotTaken | Self::Undrawn(_) => Kind::Invalid,
            Self::Files(_) | Self::Disk(_) => Kind::Unavailable,
        }
    }
}

/// A file that has come in whole, and that nobody has yet.
struct Came {
    name: String,
    kind: &'static FileKind,
    file: File,
    bytes: u64,
}

impl Files {
    /// Takes the file of an upload: checks it as it comes, draws its preview, and keeps both. If no
    /// message names them within a day they go again. `bytes_max` is the most bytes of the file, which are
    /// counted as they come; `base_url` is how its sender reaches this server.
    ///
    /// Until all of it has come and is found good, it is kept nowhere. It is never in memory whole.
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
        let mut came = None;
        while let Some(mut part) = form.begin().await? {
            match part.filename.take() {
                Some(name) if came.is_none() && part.name == FIELD => {
                    came = Some(self.look_through(name, &mut part).await?);
                }
                _ => while part.piece().await?.is_some() {},
            }
        }
        let mut came = came.ok_or(Refused::NoFile)?;
        let preview = match came.kind.has_preview {
            true => Some(self.previews()?.of(came.kind.media_type, came.file.try_clone()?).await?),
            false => None,
        };
        // A clone of a file stands where the file stands.
        came.file.rewind()?;
        let (name, size, mime_type) = (came.name.clone(), came.bytes, came.kind.media_type);
        let (files, realm) = (self.clone(), conversation.realm.clone());
        // In a task of its own: whoever hangs up now does not leave half of it behind.
        let kept = tokio::spawn(async move { files.keep(&realm, came, preview).await });
        let (blob, preview) = kept.await.map_err(io::Error::from)??;
        let link =
            |blob: &BlobId, of, name: &str| self.link(base_url, conversation, blob, of, name);
        let url = link(&blob, LinkOf::File, &name);
        let preview_url = preview.map(|(blob, name)| link(&blob, LinkOf::Preview, &name));
        Ok(FileData { name: short_name(&name), size, url, mime_type, preview_url })
    }

    /// Reads a file to its end, unless it is none that is taken.
    async fn look_through(&self, name: String, part: &mut Incoming<'_>) -> Result<Came, Refused> {
        let mut first = BytesMut::new();
        while first.len() < HEAD_BYTES
            && let Some(piece) = part.piece().await?
        {
            first.extend_from_slice(&piece);
        }
        let mut look = Look::at(&name, &first).ok_or(Refused::NotTaken)?;
        let mut spool = Spool::new(&self.spool).await?;
        spool.write(&first).await?;
        while let Some(piece) = part.piece().await? {
            if !look.goes_on(&piece) {
                return Err(Refused::NotTaken);
            }
            spool.write(&piece).await?;
        }
        let kind = look.end().ok_or(Refused::NotTaken)?;
        let (file, bytes) = spool.end().await?;
        Ok(Came { name, kind, file, bytes })
    }

    /// Whoever draws previews, from the first picture on.
    fn previews(&self) -> io::Result<&Previews> {
        if let Some(previews) = self.previews.get() {
            return Ok(previews);
        }
        let started = Previews::start()?;
        // Another one may have been faster; then this one ends.
        Ok(self.previews.get_or_init(|| started))
    }

    /// Keeps a file, and its preview with the name that it has.
    async fn keep(
        &self,
        realm: &RealmId,
        came: Came,
        preview: Option<Preview>,
    ) -> Result<(BlobId, Option<(BlobId, String)>), Refused> {
        let Came { name, kind, file, bytes } = came;
        let blobs = self.hall.blobs();
        let blob = Blob { content_type: kind.media_type.to_owned(), name, bytes };
        let mut file = BufReader::with_capacity(COPIED, tokio::fs::File::from_std(file));
        let blob = {
            // The semaphore is never closed.
            let _place = self.copies.acquire().await;
            blobs.put_from(realm, blob, &mut file).await?
        };
        let Some(Preview { media_type, extension, bytes }) = preview else {
            return Ok((blob, None));
        };
        let name = format!("preview.{extension}");
        let preview = blobs.put(realm, media_type, &name, bytes).await?;
        Ok((blob, Some((preview, name))))
    }
}
