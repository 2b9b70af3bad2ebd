//! The data folder, and who may use it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Where things are within a data folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    folder: PathBuf,
}

impl Paths {
    /// Of this folder.
    pub fn of(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Held by whoever uses the folder.
    pub fn lock(&self) -> PathBuf {
        self.folder.join("lock")
    }

    /// Where a running server takes orders.
    pub fn admin_socket(&self) -> PathBuf {
        self.folder.join("admin.sock")
    }

    /// The key that seals what must be read back.
    pub fn instance_key(&self) -> PathBuf {
        self.folder.join("instance.key")
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.folder.join(maru_store_sqlite::FILE)
    }

    /// The files that were sent.
    pub fn blobs(&self) -> PathBuf {
        self.folder.join("blobs")
    }
}

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another process uses it.
    #[error("the data folder {folder} is in use by process {holder}")]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// The process, as it wrote itself down.
        holder: String,
    },
    /// There is none.
    #[error("there is no data folder {0}")]
    Missing(PathBuf),
    /// The system says no.
    #[error("the data folder {folder} cannot be used: {source}")]
    Io {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// A data folder that this process holds until the value is dropped.
#[derive(Debug)]
pub struct Folder {
    paths: Paths,
    /// The lock goes with the file's last handle, so also when the process is killed.
    _lock: File,
}

impl Folder {
    /// Holds the folder, making it (for its owner alone) if it is not there.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn make(folder: &Path) -> Result<Self, FolderError> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|source| FolderError::Io { folder: folder.to_owned(), source })?;
        Self::hold(folder)
    }

    /// Holds a folder that is there.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn hold(folder: &Path) -> Result<Self, FolderError> {
        if !folder.is_dir() {
            return Err(FolderError::Missing(folder.to_owned()));
        }
        // Absolute, so that what is handed to others means the same there.
        let io = |source| FolderError::Io { folder: folder.to_owned(), source };
        let paths = Paths::of(&folder.canonicalize().map_err(io)?);
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(paths.lock())
            .map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Only for the message: an unknown holder is one all the same.
                let _ = (&lock).take(32).read_to_string(&mut holder);
                let holder = Some(holder.trim().to_owned()).filter(|text| !text.is_empty());
                let holder = holder.unwrap_or_else(|| "(unknown)".to_owned());
                return Err(FolderError::InUse { folder: folder.to_owned(), holder });
            }
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id())).map_err(io)?;
        Ok(Self { paths, _lock: lock })
    }

    /// Where things are.
    pub fn paths(&self) -> &Paths {
        &self.paths
    }
}

/// Writes a file whole or not at all, for its owner alone.
///
/// # Errors
/// What the system says.
pub fn write_atomically(path: &Path, contents: &[u8]) -> std::io::Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(contents)?;
    file.sync_all()?;
    std::fs::rename(&part, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_held_by_one_at_a_time_and_says_by_whom() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("data");
        assert!(matches!(Folder::hold(&path), Err(FolderError::Missing(_))));
        let held = Folder::make(&path).unwrap();
        let error = Folder::make(&path).unwrap_err().to_string();
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        drop(held);
        Folder::hold(&path).unwrap();
    }
}
