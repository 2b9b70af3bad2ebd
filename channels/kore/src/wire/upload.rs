//! Uploads and files (kore-rtm.md §1.7).

use serde::Serialize;

/// The answer to `file/token`. Android fails without `expiresOn`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FileToken {
    pub(crate) file_token: String,
    pub(crate) expires_on: String,
}

/// The answer to a chunk. Android reads its number as a text.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChunkKept {
    pub(crate) chunk_no: String,
}

/// The answer to a file, and to the merging of chunks.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FileKept {
    pub(crate) file_id: String,
    pub(crate) hash: String,
}

/// Where a file can be fetched.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FileUrl {
    pub(crate) file_url: String,
}
