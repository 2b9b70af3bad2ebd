//! The ledger's files: one line a fact, written when it happens, never changed.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::activity::Members;

/// A fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "did", rename_all = "snake_case")]
pub enum Fact {
    /// A writer is about to post this, for the first time.
    Sends {
        /// The conversation.
        conversation: String,
        /// The client key.
        key: String,
        /// Of what is said.
        digest: String,
    },
    /// The server acknowledged a writer's post.
    Acked {
        /// The client key.
        key: String,
        /// The id that the server gave.
        id: String,
        /// How often it was sent.
        tries: u32,
    },
    /// The server will not have a writer's post.
    Refused {
        /// The client key.
        key: String,
        /// What it answered.
        cause: String,
    },
    /// The bot was handed an activity.
    Delivered {
        /// `x-maru-delivery-id`.
        delivery: String,
        /// The activity.
        #[serde(flatten)]
        seen: Seen,
    },
    /// The bot is about to call back.
    Answers {
        /// The id of the activity that it answers.
        reply_to: String,
        /// Of what is said.
        digest: String,
    },
    /// The server acknowledged the bot's call.
    Answered {
        /// The id that the server gave.
        id: String,
        /// The id of the activity that it answers.
        reply_to: String,
        /// Of what was said.
        digest: String,
        /// It was a `typing`, which only streams show.
        typing: bool,
    },
    /// A reader was shown an activity.
    Saw(Seen),
    /// The server lists a delivery as a dead letter.
    Dead {
        /// The delivery's id.
        delivery: String,
        /// The activity's id.
        activity: Option<String>,
        /// Why it was given up.
        cause: String,
    },
}

/// An activity as it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Its whole id.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// Of what was said.
    pub digest: String,
    /// The client key of a writer's post.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What a bot's answer answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
}

impl Seen {
    /// Looks at an activity. `None` if it is none: it has no id or no type.
    pub fn of(activity: &Members<'_>) -> Option<Self> {
        Some(Self {
            id: activity.text("id")?,
            kind: activity.text("type")?,
            digest: activity.digest(),
            key: activity.inner_text("channelData", "clientActivityID"),
            reply_to: activity.text("replyToId"),
        })
    }

    /// Its place in its conversation, if it has one.
    pub fn place(&self) -> Option<u64> {
        crate::activity::place(&self.id)
    }

    /// Whether it is a `typing`: pages do not show those.
    pub fn is_typing(&self) -> bool {
        self.kind == "typing"
    }
}

/// An append-only file.
#[derive(Debug)]
pub struct Book {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Book {
    /// Opens a new book.
    ///
    /// # Errors
    /// What the system says.
    pub fn create(folder: &Path, name: &str) -> Result<Self> {
        let path = folder.join(format!("{name}.jsonl"));
        let file = File::options().create_new(true).append(true).open(&path);
        let file = file.with_context(|| path.display().to_string())?;
        Ok(Self { path, file: BufWriter::new(file) })
    }

    /// Writes a fact. It is the system's when this returns if `now`, else when the book is closed:
    /// what somebody is about to do must be written before it is done.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&mut self, fact: &Fact, now: bool) -> Result<()> {
        let told = || self.path.display().to_string();
        serde_json::to_writer(&mut self.file, fact).with_context(told)?;
        self.file.write_all(b"\n").with_context(|| self.path.display().to_string())?;
        if now {
            self.file.flush().with_context(|| self.path.display().to_string())?;
        }
        Ok(())
    }

    /// Writes out what is still here.
    ///
    /// # Errors
    /// What the system says.
    pub fn flush(&mut self) -> Result<()> {
        self.file.flush().with_context(|| self.path.display().to_string())
    }
}

/// The names of a folder's books that begin with `kind`, in order.
///
/// # Errors
/// What the system says.
pub fn books(folder: &Path, kind: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if let Some(name) = name.strip_suffix(".jsonl").filter(|name| name.starts_with(kind)) {
            names.push(name.to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Reads a book to its end.
///
/// # Errors
/// What the system says; a line that is no fact.
pub fn read(folder: &Path, name: &str, mut take: impl FnMut(Fact)) -> Result<()> {
    let path = folder.join(format!("{name}.jsonl"));
    let file = File::open(&path).with_context(|| path.display().to_string())?;
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let place = || format!("{}:{}", path.display(), number + 1);
        take(serde_json::from_str(&line.with_context(place)?).with_context(place)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_book_gives_back_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let facts = [
            Fact::Acked { key: "k".into(), id: "c|0000001".into(), tries: 2 },
            Fact::Delivered {
                delivery: "d".into(),
                seen: Seen {
                    id: "c|0000001".into(),
                    kind: "message".into(),
                    digest: "ab".into(),
                    key: Some("k".into()),
                    reply_to: None,
                },
            },
        ];
        let mut book = Book::create(folder.path(), "writer-1").unwrap();
        for fact in &facts {
            book.write(fact, true).unwrap();
        }
        assert!(Book::create(folder.path(), "writer-1").is_err(), "a book is never begun anew");
        let mut read_back = Vec::new();
        read(folder.path(), "writer-1", |fact| read_back.push(fact)).unwrap();
        assert_eq!(read_back, facts);
        assert_eq!(books(folder.path(), "writer").unwrap(), ["writer-1"]);
        assert!(books(folder.path(), "reader").unwrap().is_empty());
    }
}
