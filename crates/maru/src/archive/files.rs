//! The files that were sent, on their way out of and into the place where they are kept.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use futures_util::TryStreamExt as _;
use maru_hall::BlobId;
use maru_store::archive::Record;
use object_store::buffered::BufWriter;
use object_store::{Error as FilesError, ObjectStore, ObjectStoreExt as _};
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::folder::{BadExport, Export, FileFound, FileLine, file_in};
use super::hex;

/// How much of a file is in memory at once, when it is read from the disk.
const CHUNK: usize = 256 * 1024;

/// The file whose record this is.
pub(super) fn of_record(record: &Record) -> Option<BlobId> {
    let Record::State(state) = record else { return None };
    // A file that is being taken away has `null` for a record.
    BlobId::of_record(&state.scope, &state.key).filter(|_| *state.value != *b"null")
}

/// Copies a file into an export.
pub(super) async fn save(
    files: &dyn ObjectStore,
    id: BlobId,
    file: PathBuf,
) -> anyhow::Result<FileLine> {
    let found = match files.get(&id.path()).await {
        Err(FilesError::NotFound { .. }) => {
            return Ok(FileLine { id: id.to_string(), found: None });
        }
        found => found?,
    };
    let bytes = found.meta.size;
    let sha256 = write(&file, found.into_stream()).await?;
    Ok(FileLine { id: id.to_string(), found: Some(FileFound { bytes, sha256 }) })
}

/// Writes a file whole or not at all, and gives its SHA-256.
async fn write(
    file: &Path,
    mut bytes: impl futures_util::Stream<Item = Result<bytes::Bytes, FilesError>> + Unpin,
) -> anyhow::Result<String> {
    let folder = file.parent().context("a file is in a folder")?;
    tokio::fs::create_dir_all(folder).await?;
    let mut part = file.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let mut out = File::create(&part).await?;
    let mut hasher = Sha256::new();
    while let Some(chunk) = bytes.try_next().await? {
        hasher.update(&chunk);
        out.write_all(&chunk).await?;
    }
    out.sync_all().await?;
    tokio::fs::rename(&part, file).await?;
    File::open(folder).await?.sync_all().await?;
    Ok(hex(&hasher.finalize()))
}

/// Puts a file where files are kept, unless it is there already and is the same. It is compared
/// with what the export says of it before anything is written.
pub(super) async fn put(
    files: &Arc<dyn ObjectStore>,
    export: &Export,
    line: FileLine,
) -> anyhow::Result<()> {
    let Some(found) = line.found else { return Ok(()) };
    let Some(id) = BlobId::parse(&line.id) else { bail!("a file of the export has no sound id") };
    let (path, file) = (id.path(), file_in(export.folder(), &id.path()));
    let size = match files.head(&path).await {
        Ok(meta) => Some(meta.size),
        Err(FilesError::NotFound { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    if size == Some(found.bytes) && hash_of(&**files, &id).await? == found.sha256 {
        return Ok(());
    }
    let sound = tokio::fs::metadata(&file).await.is_ok_and(|meta| meta.len() == found.bytes)
        && hash(&file).await? == found.sha256;
    if !sound {
        let file = file.strip_prefix(export.folder()).unwrap_or(&file);
        let what = "it is not as it was written".to_owned();
        return Err(BadExport::Damaged { file: file.display().to_string(), what }.into());
    }
    let mut out = BufWriter::new(Arc::clone(files), path.clone());
    let mut bytes = File::open(&file).await?;
    let copied = tokio::io::copy(&mut bytes, &mut out).await;
    if let Err(error) = copied {
        // Best effort: the error that counts is the one before.
        let _ = out.abort().await;
        return Err(error.into());
    }
    out.shutdown().await?;
    let kept = files.head(&path).await?.size;
    if kept != found.bytes {
        bail!("a file was written with {} bytes, and {kept} were kept", found.bytes);
    }
    Ok(())
}

/// The SHA-256 of a file on the disk.
async fn hash(file: &Path) -> std::io::Result<String> {
    let mut bytes = File::open(file).await?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        match bytes.read(&mut chunk).await? {
            0 => return Ok(hex(&hasher.finalize())),
            read => hasher.update(chunk.get(..read).unwrap_or_default()),
        }
    }
}

/// The SHA-256 of a file where files are kept.
async fn hash_of(files: &dyn ObjectStore, id: &BlobId) -> anyhow::Result<String> {
    let mut bytes = files.get(&id.path()).await?.into_stream();
    let mut hasher = Sha256::new();
    while let Some(chunk) = bytes.try_next().await? {
        hasher.update(&chunk);
    }
    Ok(hex(&hasher.finalize()))
}
