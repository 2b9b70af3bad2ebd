//! The folder between an export and an import.
//!
//! ```text
//! export.json                  what it is, and of which source; written first
//! parts.jsonl                  a line for each part that is whole, and one at the end
//! entries-000001.jsonl         records of a section, a line each
//! files-000001.jsonl           the files that were sent, a line each ...
//! files/REALM/XX/NAME          ... and their bytes
//! ```
//!
//! A part is on disk before its line is. So what `parts.jsonl` names is whole, and an export that
//! was broken off goes on behind it.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use maru_activity::Timestamp;
use maru_store::Cursor;
use maru_store::archive::{Checksum, ErasureRecord, Record, Section};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Counts, hex, sha256};
use crate::folder::write_atomically;

const FORMAT: &str = "maru-export";

/// The version of the format that this program writes and reads.
const VERSION: u32 = 1;

const HEADER: &str = "export.json";
const LEDGER: &str = "parts.jsonl";

/// Why a folder is not taken for an export.
#[derive(Debug, thiserror::Error)]
pub enum BadExport {
    /// There is none.
    #[error("there is no export in {0}")]
    Missing(PathBuf),
    /// Another version of the program wrote it.
    #[error(
        "the export is of the format's version {found}, and this program reads {VERSION} alone"
    )]
    Version {
        /// Its version.
        found: u64,
    },
    /// It has no end yet.
    #[error("the export is not whole: repeat `maru export`")]
    Unfinished,
    /// A file of it is not what it was.
    #[error("the export is damaged: {file}: {what}")]
    Damaged {
        /// The file, within the folder.
        file: String,
        /// What is wrong with it.
        what: String,
    },
    /// The system says no.
    #[error("the export cannot be read or written: {0}")]
    Io(#[from] io::Error),
}

fn damaged(file: &str, what: impl fmt::Display) -> BadExport {
    BadExport::Damaged { file: file.to_owned(), what: what.to_string() }
}

/// What an export is, and of which source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    format: String,
    version: u32,
    /// The program that wrote it.
    program: String,
    /// Random; tells one export from another.
    pub(super) id: String,
    pub(super) began_at: Timestamp,
    /// The source's restore epoch, which stands in watermarks.
    pub(super) restore_epoch: u32,
    /// See [`Site::fingerprint`](super::Site).
    pub(super) key: Option<String>,
    /// The journal of erasures and nothing else.
    pub(super) erasures_only: bool,
    /// How many records there were in each section when it began.
    pub(super) counts: Counts,
}

impl Header {
    pub(super) fn new(id: String, began_at: Timestamp) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            program: format!("maru {}", env!("CARGO_PKG_VERSION")),
            id,
            began_at,
            restore_epoch: 0,
            key: None,
            erasures_only: false,
            counts: Counts::new(),
        }
    }
}

/// What a part holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Holds {
    /// Records of a section.
    Records(Section),
    /// The files that were sent.
    Files,
}

impl fmt::Display for Holds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Records(section) => f.write_str(section.as_str()),
            Self::Files => f.write_str("files"),
        }
    }
}

/// A part that is whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    /// The file's name.
    pub(super) name: String,
    pub(super) holds: Holds,
    /// How many lines it has.
    pub(super) records: u64,
    pub(super) bytes: u64,
    pub(super) sha256: String,
    /// Where the next part begins in the source; none in the last part.
    pub(super) next: Option<Cursor>,
    /// Over this part's lines and those of the parts before it that hold the same.
    pub(super) checksum: Checksum,
}

/// The last line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    ended_at: Timestamp,
    /// Of `export.json` and of the lines before this one.
    sha256: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LedgerLine {
    Part(Part),
    End(End),
}

/// A line of a part with files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileLine {
    pub(super) id: String,
    /// None, if there was a record and no file: an upload or a removal was under way.
    pub(super) found: Option<FileFound>,
}

/// A file's bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileFound {
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

/// An export in its folder.
#[derive(Debug)]
pub struct Export {
    folder: PathBuf,
    pub(super) header: Header,
    pub(super) parts: Vec<Part>,
    end: Option<End>,
    /// Over the header and the ledger's lines.
    hasher: Sha256,
    /// How long the ledger is without a line that was cut off.
    whole: u64,
}

impl Export {
    /// Begins an export in a folder, which is made, or is there and empty.
    pub(super) fn begin(folder: &Path, header: Header) -> Result<Self, BadExport> {
        let text = serde_json::to_vec_pretty(&header).map_err(|e| damaged(HEADER, e))?;
        write_atomically(&folder.join(HEADER), &text)?;
        File::open(folder)?.sync_all()?;
        let hasher = Sha256::new_with_prefix(&text);
        let folder = folder.to_owned();
        Ok(Self { folder, header, parts: Vec::new(), end: None, hasher, whole: 0 })
    }

    /// Reads what there is of an export. What was cut off at the end of `parts.jsonl` does not
    /// count.
    ///
    /// # Errors
    /// [`BadExport`].
    pub fn open(folder: &Path) -> Result<Self, BadExport> {
        let text = match std::fs::read(folder.join(HEADER)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(BadExport::Missing(folder.to_owned()));
            }
            read => read?,
        };
        let header = read_header(&text)?;
        let hasher = Sha256::new_with_prefix(&text);
        let folder = folder.to_owned();
        let mut export = Self { folder, header, parts: Vec::new(), end: None, hasher, whole: 0 };
        export.read_ledger()?;
        Ok(export)
    }

    /// An export that has come to its end.
    ///
    /// # Errors
    /// [`BadExport::Unfinished`] if it has not; see there for the others.
    pub fn open_whole(folder: &Path) -> Result<Self, BadExport> {
        let export = Self::open(folder)?;
        if export.end.is_some() { Ok(export) } else { Err(BadExport::Unfinished) }
    }

    fn read_ledger(&mut self) -> Result<(), BadExport> {
        let text = match std::fs::read(self.folder.join(LEDGER)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            read => read?,
        };
        let mut whole = 0;
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            if !line.ends_with(b"\n") {
                break;
            }
            whole += line.len();
            let wrong = |error| damaged(LEDGER, format_args!("at byte {whole}: {error}"));
            match serde_json::from_slice(line).map_err(wrong)? {
                _ if self.end.is_some() => return Err(damaged(LEDGER, "lines behind the end")),
                LedgerLine::Part(part) => {
                    if !is_plain(&part.name) {
                        return Err(damaged(LEDGER, "a part has no plain name"));
                    }
                    self.hasher.update(line);
                    self.parts.push(part);
                }
                LedgerLine::End(end) => {
                    if end.sha256 != hex(&self.hasher.clone().finalize()) {
                        return Err(damaged(LEDGER, "it is not as it was written"));
                    }
                    self.end = Some(end);
                }
            }
        }
        self.whole = whole as u64;
        Ok(())
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn is_whole(&self) -> bool {
        self.end.is_some()
    }

    /// The last part that holds this.
    pub(super) fn last_of(&self, holds: Holds) -> Option<&Part> {
        self.parts.iter().rev().find(|part| part.holds == holds)
    }

    pub(super) fn checksum_of(&self, holds: Holds) -> Checksum {
        self.last_of(holds).map(|part| part.checksum).unwrap_or_default()
    }

    /// A checksum over all of it but where it was and when: equal for equal contents.
    pub(super) fn contents(&self) -> String {
        contents(|section| self.checksum_of(Holds::Records(section)))
    }

    /// Writes a part, and then that it is there.
    pub(super) fn add(
        &mut self,
        holds: Holds,
        lines: &[u8],
        records: u64,
        next: Option<Cursor>,
        checksum: Checksum,
    ) -> Result<(), BadExport> {
        let number = self.parts.iter().filter(|part| part.holds == holds).count() + 1;
        let part = Part {
            name: format!("{holds}-{number:06}.jsonl"),
            holds,
            records,
            bytes: lines.len() as u64,
            sha256: sha256(lines),
            next,
            checksum,
        };
        write_atomically(&self.folder.join(&part.name), lines)?;
        File::open(&self.folder)?.sync_all()?;
        let line = self.write_line(&LedgerLine::Part(part.clone()))?;
        self.hasher.update(&line);
        self.parts.push(part);
        Ok(())
    }

    /// Writes that it is whole.
    pub(super) fn finish(&mut self, ended_at: Timestamp) -> Result<(), BadExport> {
        let end = End { ended_at, sha256: hex(&self.hasher.clone().finalize()) };
        self.write_line(&LedgerLine::End(end.clone()))?;
        self.end = Some(end);
        Ok(())
    }

    fn write_line(&mut self, line: &LedgerLine) -> Result<Vec<u8>, BadExport> {
        let mut line = serde_json::to_vec(line).map_err(|e| damaged(LEDGER, e))?;
        line.push(b'\n');
        let path = self.folder.join(LEDGER);
        let mut ledger = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        // What was cut off when it was broken off.
        ledger.set_len(self.whole)?;
        ledger.write_all(&line)?;
        ledger.sync_all()?;
        self.whole += line.len() as u64;
        Ok(line)
    }

    /// The lines of a part, after it was compared with what `parts.jsonl` says of it.
    pub(super) fn read(&self, part: &Part) -> Result<Vec<u8>, BadExport> {
        let path = self.folder.join(&part.name);
        let lines = std::fs::read(path).map_err(|error| damaged(&part.name, error))?;
        if lines.len() as u64 != part.bytes || sha256(&lines) != part.sha256 {
            return Err(damaged(&part.name, "it is not as it was written"));
        }
        Ok(lines)
    }

    /// The records of a part.
    pub(super) fn records(&self, part: &Part) -> Result<Vec<Record>, BadExport> {
        let lines = self.read(part)?;
        let records = parse(&part.name, &lines)?;
        let fits = |record: &Record| record.section().map(Holds::Records) == Some(part.holds);
        if records.iter().all(fits) {
            Ok(records)
        } else {
            Err(damaged(&part.name, "it holds records of another section"))
        }
    }

    /// The files that a part tells of.
    pub(super) fn files(&self, part: &Part) -> Result<Vec<FileLine>, BadExport> {
        parse(&part.name, &self.read(part)?)
    }

    /// The journal of erasures.
    pub(super) fn erasures(&self) -> Result<Vec<ErasureRecord>, BadExport> {
        let mut journal = Vec::new();
        let holds = Holds::Records(Section::Erasures);
        for part in self.parts.iter().filter(|part| part.holds == holds) {
            journal.extend(self.records(part)?.into_iter().filter_map(|record| match record {
                Record::Erasure(erasure) => Some(*erasure),
                _ => None,
            }));
        }
        Ok(journal)
    }
}

/// Where a file's bytes are in an export, by its path in the place where files are kept.
pub(super) fn file_in(folder: &Path, path: &object_store::path::Path) -> PathBuf {
    let mut file = folder.join("files");
    file.extend(path.parts().map(|part| part.as_ref().to_owned()));
    file
}

/// A checksum over the checksums of all sections.
pub(super) fn contents(of: impl Fn(Section) -> Checksum) -> String {
    let mut hasher = Sha256::new();
    for section in Section::ALL {
        hasher.update(format!("{section} {}\n", of(section)));
    }
    hex(&hasher.finalize())
}

/// Makes the folder for its owner alone, or takes one that is there. Gives whether it is empty: what
/// has not got its name yet does not count.
pub(super) fn make(folder: &Path) -> io::Result<bool> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    for entry in std::fs::read_dir(folder)? {
        if entry?.path().extension().is_none_or(|extension| extension != "part") {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The version is looked at first: of another one nothing else can be told.
fn read_header(text: &[u8]) -> Result<Header, BadExport> {
    let what: serde_json::Value =
        serde_json::from_slice(text).map_err(|error| damaged(HEADER, error))?;
    if what["format"] != FORMAT {
        return Err(damaged(HEADER, "it is no export of Maru"));
    }
    match what["version"].as_u64() {
        Some(version) if version == u64::from(VERSION) => {}
        found => return Err(BadExport::Version { found: found.unwrap_or(0) }),
    }
    serde_json::from_slice(text).map_err(|error| damaged(HEADER, error))
}

/// A name of a file in the folder itself.
fn is_plain(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
        && !name.starts_with('.')
}

fn parse<T: serde::de::DeserializeOwned>(name: &str, lines: &[u8]) -> Result<Vec<T>, BadExport> {
    let mut read = Vec::new();
    for (number, line) in lines.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let record = serde_json::from_slice(line)
            // What the line holds is somebody's own: where it is wrong has to do.
            .map_err(|e| {
                damaged(name, format_args!("line {}, column {}", number + 1, e.column()))
            })?;
        read.push(record);
    }
    Ok(read)
}
