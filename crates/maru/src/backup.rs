//! A backup: one tar archive with the database, the instance key and the files that were sent.

use std::fs::{File, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use maru_store::Store;
use maru_store_sqlite::Restored;

use crate::exit::{Code, Failure};
use crate::folder::Paths;

const DATABASE: &str = "maru.db";
const INSTANCE_KEY: &str = "instance.key";
const BLOBS: &str = "blobs";

/// Where the new database is made, within the working folder.
const FRESH: &str = "fresh";

/// Writes a backup to `target`, which must not be there yet, while work goes on. Gives its size.
///
/// # Errors
/// What the store or the system says; nothing is then left behind.
pub async fn write(store: &dyn Store, paths: &Paths, target: &Path) -> anyhow::Result<u64> {
    ensure!(!target.try_exists()?, "{} is there already", target.display());
    let work = tempfile::Builder::new().prefix("backup-").tempdir_in(paths.folder())?;
    let database = work.path().join(DATABASE);
    // The database first: every file that it knows of is there already.
    store.backup(&database).await.context("the database")?;
    let (paths, target) = (paths.clone(), target.to_owned());
    tokio::task::spawn_blocking(move || {
        // Moved in, so that it lives until the archive is written.
        let _work = work;
        archive(&database, &paths, &target)
    })
    .await?
}

fn archive(database: &Path, paths: &Paths, target: &Path) -> anyhow::Result<u64> {
    let mut part = target.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part);
    let file = file.with_context(|| part.display().to_string())?;
    let written = fill(file, database, paths).and_then(|bytes| {
        std::fs::rename(&part, target)?;
        if let Some(folder) = target.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(bytes)
    });
    if written.is_err() {
        // Best effort: the error that counts is the one before.
        let _ = std::fs::remove_file(&part);
    }
    written
}

fn fill(file: File, database: &Path, paths: &Paths) -> anyhow::Result<u64> {
    let mut tar = tar::Builder::new(std::io::BufWriter::new(file));
    tar.mode(tar::HeaderMode::Deterministic);
    tar.follow_symlinks(false);
    tar.append_path_with_name(database, DATABASE)?;
    if paths.instance_key().exists() {
        tar.append_path_with_name(paths.instance_key(), INSTANCE_KEY)?;
    }
    if paths.blobs().exists() {
        append_files(&mut tar, &paths.blobs(), Path::new(BLOBS))?;
    }
    let mut out = tar.into_inner()?;
    out.flush()?;
    out.get_ref().sync_all()?;
    Ok(out.get_ref().metadata()?.len())
}

/// Adds a folder with everything in it. Files that are taken away meanwhile (erased, or collected
/// since nothing refers to them) are none that are missed.
fn append_files(
    tar: &mut tar::Builder<impl std::io::Write>,
    folder: &Path,
    name: &Path,
) -> anyhow::Result<()> {
    tar.append_dir(name, folder)?;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let (path, name) = (entry.path(), name.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            append_files(tar, &path, &name)?;
        } else if kind.is_file() {
            match File::open(&path) {
                Ok(mut file) => tar.append_file(&name, &mut file)?,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

/// Makes the data in a folder from a backup. With `replace` it takes the place of data that is
/// there, and the erasures that this knows of are repeated. Whoever calls holds the folder's lock.
///
/// # Errors
/// [`Code::Conflict`] if there is data and `replace` was not said; what the system says.
pub fn restore(file: &Path, paths: &Paths, replace: bool) -> Result<Restored, Failure> {
    let has_data = paths.database().exists();
    if has_data && !replace {
        let message = format!(
            "there is data in {}: say --replace to put the backup in its place",
            paths.folder().display()
        );
        return Err(Failure::new(Code::Conflict, message));
    }
    Ok(restore_into(file, paths, has_data)?)
}

fn restore_into(file: &Path, paths: &Paths, has_data: bool) -> anyhow::Result<Restored> {
    // Beside what it will replace, so that the last steps are renames within one file system.
    let work = tempfile::Builder::new().prefix("restore-").tempdir_in(paths.folder())?;
    unpack(file, work.path()).with_context(|| file.display().to_string())?;
    let journal: Vec<Bytes> = if has_data {
        maru_store_sqlite::erasures_in(&paths.database()).context(
            "the erasures that the data there knows of cannot be read; to restore without them, move the folder aside",
        )?
    } else {
        Vec::new()
    };
    let restored = maru_store_sqlite::restore(
        &work.path().join(DATABASE),
        &work.path().join(FRESH),
        &journal,
        maru_activity::env::Env::system().now(),
    )?;
    match put_in_place(work.path(), paths) {
        Ok(()) => Ok(restored),
        Err(error) => {
            let kept = work.keep();
            let kept = kept.display();
            Err(error).with_context(|| format!("broken off half-way; what was there is in {kept}"))
        }
    }
}

/// Puts what was unpacked in the place of what is there. Broken off at any step, it can be done
/// again: the old database stays where it is until the new one takes its place in one step, so that
/// a server never finds a folder that looks fresh.
fn put_in_place(work: &Path, paths: &Paths) -> anyhow::Result<()> {
    let old = work.join("old");
    std::fs::create_dir(&old)?;
    move_if_there(&paths.blobs(), &old.join(BLOBS))?;
    move_if_there(&work.join(BLOBS), &paths.blobs())?;
    move_if_there(&work.join(INSTANCE_KEY), &paths.instance_key())?;
    // The log of the old database would be taken for the new one's own.
    for suffix in ["-wal", "-shm"] {
        let name = format!("{DATABASE}{suffix}");
        move_if_there(&paths.folder().join(&name), &old.join(&name))?;
    }
    std::fs::rename(work.join(FRESH).join(DATABASE), paths.database())?;
    File::open(paths.folder())?.sync_all()?;
    Ok(())
}

fn move_if_there(from: &Path, to: &Path) -> std::io::Result<()> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        moved => moved,
    }
}

/// Takes out of an archive what a backup has in it, and refuses one that has anything else.
fn unpack(file: &Path, to: &Path) -> anyhow::Result<()> {
    let mut archive = tar::Archive::new(std::io::BufReader::new(File::open(file)?));
    archive.set_preserve_permissions(false);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let kind = entry.header().entry_type();
        let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
        let ours = path.starts_with(BLOBS) && (kind.is_file() || kind.is_dir())
            || [DATABASE, INSTANCE_KEY].iter().any(|name| path == Path::new(name))
                && kind.is_file();
        if !plain || !ours {
            bail!("it is no backup of Maru: {path:?} is in it");
        }
        ensure!(entry.unpack_in(to)?, "it is no backup of Maru: {path:?} is in it");
        // Whatever the archive says: what was sent is for the server's own user alone.
        let owner_alone = Permissions::from_mode(if kind.is_dir() { 0o700 } else { 0o600 });
        std::fs::set_permissions(to.join(&path), owner_alone)?;
    }
    ensure!(to.join(DATABASE).exists(), "it is no backup of Maru: there is no database in it");
    Ok(())
}
