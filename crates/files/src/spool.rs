//! A file while it comes in: on the disk, under no name.
//!
//! So it takes no memory, and nothing of it stays, whatever happens: the system takes it away as soon as
//! nobody holds it any more, be it that it was refused, that its sender has gone, or that this process
//! has ended.

use std::fs::File;
use std::io::{self, Seek as _};
use std::path::Path;

use tokio::io::{AsyncWriteExt as _, BufWriter};

/// How much is gathered before it is written, in bytes: one call of the system for several pieces.
const GATHERED: usize = 64 * 1024;

/// A file that is being written.
#[derive(Debug)]
pub(crate) struct Spool {
    file: BufWriter<tokio::fs::File>,
    bytes: u64,
}

impl Spool {
    /// An empty one, on the disk of this folder.
    pub(crate) async fn new(folder: &Path) -> io::Result<Self> {
        let folder = folder.to_owned();
        let made = tokio::task::spawn_blocking(move || tempfile::tempfile_in(folder));
        let file = tokio::fs::File::from_std(made.await??);
        Ok(Self { file: BufWriter::with_capacity(GATHERED, file), bytes: 0 })
    }

    /// Writes the next piece.
    pub(crate) async fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        self.bytes += piece.len() as u64;
        self.file.write_all(piece).await
    }

    /// The whole file, to be read from its beginning, and its size.
    pub(crate) async fn end(mut self) -> io::Result<(File, u64)> {
        self.file.flush().await?;
        let mut file = self.file.into_inner().into_std().await;
        file.rewind()?;
        Ok((file, self.bytes))
    }
}
