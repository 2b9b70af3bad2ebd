//! Files: kept by id, described by a record, fetched by whoever knows the id.

use std::sync::Arc;

use bytes::Bytes;
use maru_activity::env::Env;
use maru_activity::{CommitId, RealmId};
use maru_store::{Commit, StateWrite, Store};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload};
use serde::{Deserialize, Serialize};

const SCOPE: &str = "hall/blob";

/// A blob's id: 43 random base62 characters, a dot, and its realm. Whoever knows it may fetch it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BlobId(Arc<str>);

impl BlobId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads an id. `None` for what cannot be one: nothing else reaches a path or a query.
    pub fn parse(text: &str) -> Option<Self> {
        let (random, realm) = text.split_once('.')?;
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        let sound = random.len() == 43
            && random.bytes().all(|b| b.is_ascii_alphanumeric())
            && (1..=64).contains(&realm.len())
            && realm.bytes().all(allowed);
        sound.then(|| Self(text.into()))
    }

    fn parts(&self) -> (&str, RealmId) {
        let (random, realm) = self.0.split_once('.').unwrap_or((&self.0, ""));
        (random, realm.into())
    }

    fn path(&self) -> Path {
        let (random, realm) = self.parts();
        let (folder, file) = random.split_at_checked(2).unwrap_or((random, ""));
        Path::from_iter([realm.as_str(), folder, file])
    }
}

impl std::fmt::Display for BlobId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a blob is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blob {
    /// Its media type, as its sender said.
    pub content_type: String,
    /// Its file name, cleaned.
    pub name: String,
    /// Its size.
    pub bytes: u64,
}

/// Why a blob cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// There is none of that id.
    #[error("there is no such file")]
    Unknown,
    /// The place where files are kept does not answer.
    #[error("files cannot be reached: {0}")]
    Files(#[source] object_store::Error),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] maru_store::Error),
    /// The blob's record is damaged.
    #[error("the file's record is damaged")]
    Damaged,
}

/// Where files are kept.
#[derive(Debug)]
pub struct Blobs {
    files: Arc<dyn ObjectStore>,
    store: Arc<dyn Store>,
    env: Env,
}

impl Blobs {
    pub(crate) fn new(files: Arc<dyn ObjectStore>, store: Arc<dyn Store>, env: Env) -> Self {
        Self { files, store, env }
    }

    /// Keeps a file: its bytes first, then its record, so that a record always has its bytes.
    ///
    /// # Errors
    /// [`BlobError`] when it cannot be kept.
    pub async fn put(
        &self,
        realm: &RealmId,
        content_type: &str,
        name: &str,
        bytes: Bytes,
    ) -> Result<BlobId, BlobError> {
        let id = BlobId(format!("{}.{realm}", self.env.base62(43)).into());
        let blob = Blob {
            content_type: content_type.to_owned(),
            name: name.to_owned(),
            bytes: bytes.len() as u64,
        };
        let record = serde_json::to_vec(&blob).map_err(|_| BlobError::Damaged)?;
        self.files
            .put(&id.path(), PutPayload::from_bytes(bytes))
            .await
            .map_err(BlobError::Files)?;
        self.write(realm, &id, Some(record.into())).await?;
        Ok(id)
    }

    /// A file and what it is.
    ///
    /// # Errors
    /// [`BlobError::Unknown`] if there is none of that id.
    pub async fn get(&self, id: &BlobId) -> Result<(Blob, Bytes), BlobError> {
        let blob = self.describe(id).await?;
        let file = self.files.get(&id.path()).await.map_err(|error| match error {
            object_store::Error::NotFound { .. } => BlobError::Unknown,
            other => BlobError::Files(other),
        })?;
        Ok((blob, file.bytes().await.map_err(BlobError::Files)?))
    }

    /// What a file is.
    ///
    /// # Errors
    /// [`BlobError::Unknown`] if there is none of that id.
    pub async fn describe(&self, id: &BlobId) -> Result<Blob, BlobError> {
        let (_, realm) = id.parts();
        let state = self.store.state(&realm, SCOPE, id.as_str()).await?;
        let state = state.ok_or(BlobError::Unknown)?;
        serde_json::from_slice(&state.value).map_err(|_| BlobError::Damaged)
    }

    /// Takes a file away.
    ///
    /// # Errors
    /// When it cannot be reached; it may then be tried again.
    pub async fn delete(&self, id: &BlobId) -> Result<(), BlobError> {
        match self.files.delete(&id.path()).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(BlobError::Files(error)),
        }
        let (_, realm) = id.parts();
        self.write(&realm, id, None).await
    }

    async fn write(
        &self,
        realm: &RealmId,
        id: &BlobId,
        value: Option<Bytes>,
    ) -> Result<(), BlobError> {
        let commit = CommitId(self.env.uuid());
        let mut commit = Commit::new(commit, realm.clone(), self.env.now());
        commit.states.push(match value {
            Some(value) => StateWrite::put(SCOPE, id.as_str(), value),
            None => StateWrite::delete(SCOPE, id.as_str()),
        });
        self.store.commit(commit).await?;
        Ok(())
    }
}
