//! Uploads: a file at once, or in chunks under a token that are merged at the end (kore-rtm.md
//! §1.7).

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use maru_activity::{ChannelId, RealmId, Timestamp};
use maru_hall::clean_filename;
use maru_hall::{BlobId, StateWrite};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Kore;
use crate::error::Error;
use crate::ids;
use crate::limits::{UPLOAD_CHUNKS_MAX, UPLOAD_TTL};
use crate::user::User;

/// The scope of uploads in chunks; the key is the token in their paths.
const SCOPE: &str = "kore/upload";

const TOKEN_LENGTH: usize = 32;

/// How often a change is tried again that met another one: a client may send several chunks at once.
const TRIES: usize = 16;

/// What any file may be.
const ANY_TYPE: &str = "application/octet-stream";

/// A file whose name says nothing.
const NAMELESS: &str = "file";

/// An upload in chunks, as it stands. Each chunk is a file of its own until they are merged; those
/// that never are, are collected as files that nothing refers to.
#[derive(Debug, Serialize, Deserialize)]
struct Upload {
    app: ChannelId,
    user: Box<str>,
    until: Timestamp,
    #[serde(default)]
    chunks: BTreeMap<u32, Chunk>,
    /// Once they are merged: merging again, after an answer got lost, comes to the same.
    #[serde(default)]
    merged: Option<Kept>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Chunk {
    blob: String,
    bytes: u64,
}

/// A file that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The `fileId`.
    pub(crate) id: String,
    /// SHA-256 of its bytes, in hexadecimal.
    pub(crate) hash: String,
}

impl Kore {
    /// Begins an upload in chunks, and gives its token and until when it may take.
    pub(crate) async fn begin_upload(&self, user: &User) -> Result<(String, Timestamp), Error> {
        let env = self.hall.env();
        let (token, until) = (env.base62(TOKEN_LENGTH), env.now().after(UPLOAD_TTL));
        let upload = Upload {
            app: user.app.channel.id.clone(),
            user: user.subject.clone(),
            until,
            chunks: BTreeMap::new(),
            merged: None,
        };
        self.write_upload(user, &token, &upload, 0).await?;
        Ok((token, until))
    }

    /// Keeps a chunk. One that comes again takes the earlier one's place.
    pub(crate) async fn keep_chunk(
        &self,
        user: &User,
        token: &str,
        number: u32,
        bytes: Bytes,
    ) -> Result<(), Error> {
        // Before the bytes are kept: who guesses at tokens shall leave nothing behind.
        self.upload(user, token).await?;
        let length = bytes.len() as u64;
        let blob = self.hall.blobs().put(realm(user), ANY_TYPE, NAMELESS, bytes).await?;
        let chunk = Chunk { blob: blob.to_string(), bytes: length };
        let max = user.app.settings.upload_bytes_max;
        let kept = self.change_upload(user, token, |upload| {
            let earlier = upload.chunks.insert(number, chunk.clone());
            let whole: u64 = upload.chunks.values().map(|chunk| chunk.bytes).sum();
            if upload.merged.is_some() {
                return Err(Error::UnknownUpload);
            }
            if upload.chunks.len() > UPLOAD_CHUNKS_MAX {
                return Err(Error::bad(format!("at most {UPLOAD_CHUNKS_MAX} chunks are taken")));
            }
            if whole > max as u64 {
                return Err(Error::TooLarge(max));
            }
            Ok(earlier)
        });
        match kept.await {
            Ok(earlier) => {
                self.forget(earlier.iter()).await;
                Ok(())
            }
            Err(error) => {
                self.forget([&chunk]).await;
                Err(error)
            }
        }
    }

    /// Makes a file of the chunks.
    pub(crate) async fn merge(
        &self,
        user: &User,
        token: &str,
        total: Option<usize>,
        name: &str,
    ) -> Result<Kept, Error> {
        let (upload, _) = self.upload(user, token).await?;
        if let Some(kept) = upload.merged {
            return Ok(kept);
        }
        let numbers = upload.chunks.keys().copied();
        let has_gap = numbers.clone().zip(numbers.skip(1)).any(|(one, next)| one + 1 != next);
        let count = upload.chunks.len();
        if count == 0 || has_gap || total.is_some_and(|total| total != count) {
            return Err(Error::bad("chunks are missing"));
        }
        let mut whole = BytesMut::new();
        for chunk in upload.chunks.values() {
            let id = BlobId::parse(&chunk.blob).ok_or(Error::UnknownFile)?;
            let (_, bytes) = self.hall.blobs().get(&id).await?;
            whole.extend_from_slice(&bytes);
        }
        let kept = self.keep_file(user, name, whole.freeze()).await?;
        let merged = self.change_upload(user, token, |upload| {
            Ok(upload.merged.get_or_insert_with(|| kept.clone()).clone())
        });
        let merged = merged.await?;
        if merged == kept {
            self.forget(upload.chunks.values()).await;
        } else {
            // Another call has merged them in the same moment.
            self.forget([&Chunk { blob: kept.id, bytes: 0 }]).await;
        }
        Ok(merged)
    }

    /// Keeps a file that came in one piece.
    pub(crate) async fn keep_file(
        &self,
        user: &User,
        name: &str,
        bytes: Bytes,
    ) -> Result<Kept, Error> {
        let hash = ids::hex(&Sha256::digest(&bytes));
        let id = self.hall.blobs().put(realm(user), content_type_of(name), name, bytes).await?;
        self.metrics.uploads.inc();
        Ok(Kept { id: id.to_string(), hash })
    }

    /// An upload of this user, if it has not taken too long, and the version it is at.
    async fn upload(&self, user: &User, token: &str) -> Result<(Upload, u64), Error> {
        let sound = token.len() == TOKEN_LENGTH && token.bytes().all(|b| b.is_ascii_alphanumeric());
        if !sound {
            return Err(Error::UnknownUpload);
        }
        let state = self.hall.state(realm(user), SCOPE, token).await?;
        let state = state.ok_or(Error::UnknownUpload)?;
        let upload: Upload = serde_json::from_slice(&state.value)
            .map_err(|_| Error::internal("an upload's state is damaged"))?;
        let theirs = upload.app == user.app.channel.id && upload.user == user.subject;
        if !theirs || self.hall.env().now() >= upload.until {
            return Err(Error::UnknownUpload);
        }
        Ok((upload, state.version))
    }

    /// Changes an upload as it stands, however many calls do so at once.
    async fn change_upload<T>(
        &self,
        user: &User,
        token: &str,
        change: impl Fn(&mut Upload) -> Result<T, Error>,
    ) -> Result<T, Error> {
        for _ in 0..TRIES {
            let (mut upload, version) = self.upload(user, token).await?;
            let changed = change(&mut upload)?;
            match self.write_upload(user, token, &upload, version).await {
                Err(Error::Conflict) => {}
                written => return written.map(|()| changed),
            }
        }
        Err(Error::Conflict)
    }

    async fn write_upload(
        &self,
        user: &User,
        token: &str,
        upload: &Upload,
        version: u64,
    ) -> Result<(), Error> {
        let value = serde_json::to_vec(upload).map_err(|e| Error::internal(e.to_string()))?;
        let write = StateWrite {
            until: Some(upload.until),
            ..StateWrite::put(SCOPE, token, value).at_version(version)
        };
        Ok(self.hall.write(realm(user), vec![write], Vec::new()).await?)
    }

    /// Takes away files that nothing refers to. Those that stay are collected later.
    async fn forget<'a>(&self, chunks: impl IntoIterator<Item = &'a Chunk>) {
        let ids: Vec<BlobId> =
            chunks.into_iter().filter_map(|chunk| BlobId::parse(&chunk.blob)).collect();
        if let Err(error) = self.hall.blobs().delete_all(&ids).await {
            tracing::warn!(%error, "files that nothing refers to were left behind");
        }
    }
}

fn realm(user: &User) -> &RealmId {
    &user.app.channel.realm
}

/// The name to keep a file under: the form's `filename`, or else the part's own, with the extension
/// that the form says if it has none.
pub(crate) fn file_name(said: Option<&str>, sent: Option<&str>, extension: Option<&str>) -> String {
    let name = said.and_then(clean_filename).or_else(|| sent.and_then(clean_filename));
    let name = name.unwrap_or_else(|| NAMELESS.to_owned());
    let plain = |text: &&str| {
        (1..=16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    match extension.map(|text| text.trim_start_matches('.')).filter(plain) {
        Some(extension) if !name.contains('.') => {
            clean_filename(&format!("{name}.{extension}")).unwrap_or(name)
        }
        _ => name,
    }
}

/// The media type that a file's extension stands for: what the sender says of it is not believed
/// (the web SDK says `UTF-8`), and nothing that a browser would run is among them.
fn content_type_of(name: &str) -> &'static str {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension.to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" | "jpe" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "bmp" => "image/bmp",
        "avif" => "image/avif",
        "heic" => "image/heic",
        "tif" | "tiff" => "image/tiff",
        "mp3" => "audio/mpeg",
        "m4a" => "audio/mp4",
        "aac" => "audio/aac",
        "amr" => "audio/amr",
        "ogg" | "oga" | "opus" => "audio/ogg",
        "wav" => "audio/wav",
        "weba" => "audio/webm",
        "mp4" | "m4v" => "video/mp4",
        "webm" => "video/webm",
        "ogv" => "video/ogg",
        "mov" => "video/quicktime",
        "mpg" | "mpeg" => "video/mpeg",
        "3gp" => "video/3gpp",
        "pdf" => "application/pdf",
        "txt" | "log" => "text/plain",
        "csv" => "text/csv",
        "json" => "application/json",
        "zip" => "application/zip",
        "rtf" => "application/rtf",
        "doc" => "application/msword",
        "xls" => "application/vnd.ms-excel",
        "ppt" => "application/vnd.ms-powerpoint",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "pptx" => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        _ => ANY_TYPE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_name_has_no_folder_and_an_extension_if_one_is_known() {
        for (said, sent, extension, name) in [
            (Some("a.png"), Some("blob"), Some("png"), "a.png"),
            (Some("a"), None, Some("PDF"), "a.PDF"),
            (Some("../../etc/passwd"), None, None, "passwd"),
            (None, Some("sent.txt"), Some("exe"), "sent.txt"),
            (Some(""), None, Some("../x"), "file"),
            (None, None, Some(".jpg"), "file.jpg"),
        ] {
            assert_eq!(file_name(said, sent, extension), name, "{said:?} {sent:?} {extension:?}");
        }
    }

    #[test]
    fn the_extension_decides_and_what_could_run_is_only_bytes() {
        assert_eq!(content_type_of("사진.JPG"), "image/jpeg");
        for name in ["a.html", "a.svg", "a.xhtml", "a.js", "a", "a.xml", "png"] {
            assert_eq!(content_type_of(name), ANY_TYPE, "{name}");
        }
    }
}
