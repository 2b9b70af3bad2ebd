//! Files: kept by id, described by a record, fetched by whoever knows the id.
//!
//! A file's record is written before its bytes, and goes after them: there are no bytes without a
//! record, so the place where files are kept need never be listed, and may hold what is not ours.
//! Beside the record stands a *claim*, which says who refers to the file. A post that does writes it
//! in its own commit ([`claims`]). A file without a claim for a day is collected, see [`collect`].

mod collect;
mod filename;

pub use filename::clean_filename;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use maru_activity::env::Env;
use maru_activity::{ChannelId, CommitId, ConversationId, RealmId};
use maru_store::{Commit, Conversation, NewEntry, StateWrite, Store, blob_references};
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncWriteExt as _};

/// The scope of records, under the file's id, and of claims, under the same with [`CLAIM`] behind
/// it: so a listing gives each record and then its claim.
const SCOPE: &str = "hall/blob";

/// What stands behind the id in the key of a claim. No id has it.
const CLAIM: &str = "/claim";

/// How a body refers to a file.
const REFERENCE: &str = "blob:";

/// How much of a file is in memory while it is copied, twice at most: the least that a part of an
/// upload to S3 may have. A file that is smaller goes there in one call.
const PART_BYTES: usize = 5 * 1024 * 1024;

/// How many files one commit takes away.
const DELETE_MAX: usize = 200;

/// How many files are taken away at once.
const DELETE_AT_ONCE: usize = 8;

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

    /// The id in a reference, `blob:{id}`, as it stands in a body.
    pub fn of_reference(reference: &str) -> Option<Self> {
        Self::parse(reference.strip_prefix(REFERENCE)?)
    }

    /// The file whose record the store keeps under this scope and key, if it is one's.
    pub fn of_record(scope: &str, key: &str) -> Option<Self> {
        if scope == SCOPE { Self::parse(key) } else { None }
    }

    fn claim_key(&self) -> String {
        format!("{self}{CLAIM}")
    }

    fn parts(&self) -> (&str, RealmId) {
        let (random, realm) = self.0.split_once('.').unwrap_or((&self.0, ""));
        (random, realm.into())
    }

    /// Where its bytes are, in the place where files are kept.
    pub fn path(&self) -> Path {
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

/// What is kept of a file in the store. `null` in its place: the file is being taken away.
#[derive(Serialize, Deserialize)]
struct Record {
    #[serde(flatten)]
    blob: Blob,
    /// Whoever refers to the file claims it. Files of versions that did not are never
    /// collected.
    #[serde(default)]
    tracked: bool,
}

/// Who refers to a file.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Claim {
    conversation: ConversationId,
    channel: ChannelId,
    /// Not one entry does, but anything in the conversation may, at any time: a bot shows the files
    /// that it uploaded by their addresses, as often as it likes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    whole: bool,
}

impl Claim {
    fn of(conversation: &Conversation, whole: bool) -> Self {
        let Conversation { id, channel, .. } = conversation;
        Self { conversation: id.clone(), channel: channel.clone(), whole }
    }

    fn write(&self, id: &BlobId) -> StateWrite {
        let value = serde_json::to_vec(self).expect("texts and a flag are always JSON");
        StateWrite::put(SCOPE, id.claim_key(), value)
    }
}

/// The claims to write together with entries, so that a file lives as long as what refers to it.
pub(crate) fn claims(conversation: &Conversation, entries: &[NewEntry]) -> Vec<StateWrite> {
    let with_files = entries.iter().filter(|entry| entry.meta.blobs);
    let ids = with_files.flat_map(|entry| references(&entry.body));
    // Another realm's file is none that Maru itself put there.
    let ours = ids.filter(|id| id.parts().1 == conversation.realm);
    ours.map(|id| Claim::of(conversation, false).write(&id)).collect()
}

/// The files that a body's attachments refer to.
fn references(body: &[u8]) -> Vec<BlobId> {
    blob_references(body).iter().filter_map(|link| BlobId::of_reference(link)).collect()
}

/// Where files are kept.
#[derive(Debug)]
pub struct Blobs {
    files: Arc<dyn ObjectStore>,
    store: Arc<dyn Store>,
    env: Env,
}

impl Blobs {
    /// Files in `files`, their records in `store`.
    pub fn new(files: Arc<dyn ObjectStore>, store: Arc<dyn Store>, env: Env) -> Self {
        Self { files, store, env }
    }

    /// Keeps a file that an entry is going to refer to. If none does within a day, it goes again.
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
        self.keep(realm, content_type, name, bytes, None).await
    }

    /// Keeps a file as long as anything of the conversation is kept, whether an entry refers to it
    /// or not.
    ///
    /// # Errors
    /// [`BlobError`] when it cannot be kept.
    pub async fn put_for(
        &self,
        conversation: &Conversation,
        content_type: &str,
        name: &str,
        bytes: Bytes,
    ) -> Result<BlobId, BlobError> {
        let claim = Some(Claim::of(conversation, true));
        self.keep(&conversation.realm, content_type, name, bytes, claim).await
    }

    async fn keep(
        &self,
        realm: &RealmId,
        content_type: &str,
        name: &str,
        bytes: Bytes,
        claim: Option<Claim>,
    ) -> Result<BlobId, BlobError> {
        let blob = Blob {
            content_type: content_type.to_owned(),
            name: name.to_owned(),
            bytes: bytes.len() as u64,
        };
        let id = self.announce(realm, blob, claim).await?;
        let put = self.files.put(&id.path(), PutPayload::from_bytes(bytes)).await;
        put.map_err(BlobError::Files)?;
        Ok(id)
    }

    /// As [`Blobs::put`], of a file that is read from somewhere and is never in memory whole.
    ///
    /// # Errors
    /// [`BlobError`] when it cannot be kept, or is not as long as `blob` says: then nothing is.
    pub async fn put_from(
        &self,
        realm: &RealmId,
        blob: Blob,
        from: &mut (dyn AsyncBufRead + Send + Unpin),
    ) -> Result<BlobId, BlobError> {
        let bytes = blob.bytes;
        let id = self.announce(realm, blob, None).await?;
        let out = BufWriter::with_capacity(Arc::clone(&self.files), id.path(), PART_BYTES);
        let mut out = out.with_max_concurrency(1);
        let kept = match tokio::io::copy_buf(from, &mut out).await {
            Ok(copied) if copied == bytes => out.shutdown().await,
            other => {
                let short =
                    |copied| std::io::Error::other(format!("{copied} bytes of {bytes} came"));
                let cause = other.map_or_else(|error| error, short);
                // Best effort, as below: the error that counts is the one before, and what is left is
                // collected within a day.
                let _ = out.abort().await;
                Err(cause)
            }
        };
        if let Err(error) = kept {
            let _ = self.delete(&id).await;
            let source = Box::new(error);
            return Err(BlobError::Files(object_store::Error::Generic { store: "copy", source }));
        }
        Ok(id)
    }

    /// Writes the record of a file that is going to be kept. Nobody knows its id yet, so nobody
    /// misses the bytes.
    async fn announce(
        &self,
        realm: &RealmId,
        blob: Blob,
        claim: Option<Claim>,
    ) -> Result<BlobId, BlobError> {
        let id = BlobId(format!("{}.{realm}", self.env.base62(43)).into());
        let record = serde_json::to_vec(&Record { blob, tracked: true });
        let record = record.map_err(|_| BlobError::Damaged)?;
        let mut states = vec![StateWrite::put(SCOPE, id.as_str(), record)];
        states.extend(claim.map(|claim| claim.write(&id)));
        self.write(realm, states).await?;
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
        let record: Option<Record> =
            serde_json::from_slice(&state.value).map_err(|_| BlobError::Damaged)?;
        Ok(record.ok_or(BlobError::Unknown)?.blob)
    }

    /// Takes a file away.
    ///
    /// # Errors
    /// As [`Blobs::delete_all`].
    pub async fn delete(&self, id: &BlobId) -> Result<(), BlobError> {
        self.delete_all(std::slice::from_ref(id)).await
    }

    /// Takes files away. From the first moment on nobody can fetch them any more.
    ///
    /// # Errors
    /// When they cannot be reached. What is left then goes when the next round collects.
    pub async fn delete_all(&self, ids: &[BlobId]) -> Result<(), BlobError> {
        let mut of_realms: BTreeMap<RealmId, Vec<&BlobId>> = BTreeMap::new();
        for id in ids {
            of_realms.entry(id.parts().1).or_default().push(id);
        }
        for (realm, ids) in of_realms {
            for ids in ids.chunks(DELETE_MAX) {
                let doomed = ids.iter().flat_map(|id| doom(id, None, None)).collect();
                self.write(&realm, doomed).await?;
                self.clear(&realm, ids.iter().copied()).await?;
            }
        }
        Ok(())
    }

    /// Takes away the bytes of doomed files, and then their records.
    async fn clear<'a>(
        &self,
        realm: &RealmId,
        ids: impl Iterator<Item = &'a BlobId> + Clone + Send,
    ) -> Result<(), BlobError> {
        let paths: Vec<Path> = ids.clone().map(BlobId::path).collect();
        let deleted = stream::iter(paths).map(Ok).try_for_each_concurrent(
            DELETE_AT_ONCE,
            |path| async move {
                match self.files.delete(&path).await {
                    Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                    Err(error) => Err(BlobError::Files(error)),
                }
            },
        );
        deleted.await?;
        let gone = ids.map(|id| StateWrite::delete(SCOPE, id.as_str())).collect();
        self.write(realm, gone).await
    }

    async fn write(&self, realm: &RealmId, states: Vec<StateWrite>) -> Result<(), BlobError> {
        let id = CommitId(self.env.uuid());
        let mut commit = Commit::new(id, realm.clone(), self.env.now());
        commit.states = states;
        self.store.commit(commit).await?;
        Ok(())
    }
}

/// What makes a file unknown at once and for good: the record says that it goes, and nobody refers
/// to it; if these versions are still the last ones, where that matters.
fn doom(id: &BlobId, record: Option<u64>, claim: Option<u64>) -> [StateWrite; 2] {
    [
        StateWrite { expect: record, ..StateWrite::put(SCOPE, id.as_str(), "null") },
        StateWrite { expect: claim, ..StateWrite::delete(SCOPE, id.claim_key()) },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_attachments_own_references_count() {
        let [a, b, c] = ["a", "b", "c"].map(|letter| format!("{}.default", letter.repeat(43)));
        let body = format!(
            r#"{{"type":"message","text":"blob:{c}","attachments":[
            {{"contentUrl":"blob:{a}","thumbnailUrl":"blob:{b}"}},
            {{"contentUrl":"https://x/blob:{c}"}},{{"contentUrl":"blob:x"}},7]}}"#
        );
        let found: Vec<String> =
            references(body.as_bytes()).iter().map(BlobId::to_string).collect();
        assert_eq!(found, [a, b]);
        assert!(references(b"not json").is_empty());
    }
}
