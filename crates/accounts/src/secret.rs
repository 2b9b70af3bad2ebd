//! Secret text, and references to it.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// A secret read from a file may be at most this long, in bytes.
const FILE_MAX: u64 = 64 * 1024;

/// Secret text. It is cleared from memory when dropped, and never shown by `Debug`.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text as it is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself. Named so that a reader sees where a secret leaves its shell.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

/// Why a reference to a secret leads nowhere. It never holds the secret.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    /// `env:` without a name, or `file:` without a path.
    #[error("a reference to a secret is env:NAME or file:PATH, and {0:?} names nothing")]
    Nameless(&'static str),
    /// The environment variable is not set.
    #[error("the environment variable {0} is not set")]
    NotSet(String),
    /// The secret is not UTF-8 text.
    #[error("the secret at {0} is not UTF-8 text")]
    NotText(String),
    /// There is nothing in it.
    #[error("the secret at {0} is empty")]
    Empty(String),
    /// The file is longer than any secret.
    #[error("the file {0} is longer than 64 KiB")]
    TooLong(PathBuf),
    /// The file cannot be read.
    #[error("the file {path} cannot be read: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

/// Follows a secret's reference: `env:NAME` is an environment variable, `file:PATH` a file's
/// contents less the line break at their end, and anything else is the secret itself.
///
/// # Errors
/// When the reference leads nowhere, or to nothing.
pub fn resolve_reference(text: &str) -> Result<Secret, ReferenceError> {
    let (secret, place) = if let Some(name) = text.strip_prefix("env:") {
        (from_variable(name)?, text)
    } else if let Some(path) = text.strip_prefix("file:") {
        (from_file(path)?, text)
    } else {
        (Secret::new(text), "the setting")
    };
    if secret.expose().is_empty() {
        return Err(ReferenceError::Empty(place.to_owned()));
    }
    Ok(secret)
}

fn from_variable(name: &str) -> Result<Secret, ReferenceError> {
    if name.is_empty() {
        return Err(ReferenceError::Nameless("env:"));
    }
    match std::env::var(name) {
        Ok(value) => Ok(Secret::new(value)),
        Err(std::env::VarError::NotPresent) => Err(ReferenceError::NotSet(name.to_owned())),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(ReferenceError::NotText(format!("env:{name}")))
        }
    }
}

fn from_file(path: &str) -> Result<Secret, ReferenceError> {
    if path.is_empty() {
        return Err(ReferenceError::Nameless("file:"));
    }
    let bytes = read_capped(Path::new(path))?;
    let text =
        std::str::from_utf8(&bytes).map_err(|_| ReferenceError::NotText(format!("file:{path}")))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(Secret::new(text.strip_suffix('\r').unwrap_or(text)))
}

/// The file's bytes. A secret may come from a pipe, so its length is not asked for beforehand.
fn read_capped(path: &Path) -> Result<Zeroizing<Vec<u8>>, ReferenceError> {
    let failed = |source| ReferenceError::File { path: path.to_owned(), source };
    let mut bytes = Zeroizing::new(Vec::new());
    File::open(path)
        .and_then(|file| file.take(FILE_MAX + 1).read_to_end(&mut bytes))
        .map_err(failed)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > FILE_MAX) {
        return Err(ReferenceError::TooLong(path.to_owned()));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_leads_to_its_secret_or_says_why_not() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, contents: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, contents).unwrap();
            format!("file:{}", path.display())
        };
        let read = |reference: &str| resolve_reference(reference).map(|s| s.expose().to_owned());

        assert_eq!(read("plain text").unwrap(), "plain text");
        assert_eq!(read(&write("lf", b"se cret\n")).unwrap(), "se cret");
        assert_eq!(read(&write("crlf", b"secret\n\r\n")).unwrap(), "secret\n");
        assert_eq!(read(&write("long", &[b'x'; 65_536])).unwrap().len(), 65_536);
        assert!(matches!(read(&write("longer", &[b'x'; 65_537])), Err(ReferenceError::TooLong(_))));
        assert!(matches!(read(&write("empty", b"\n")), Err(ReferenceError::Empty(_))));
        assert!(matches!(read(&write("binary", b"\xff\xfe")), Err(ReferenceError::NotText(_))));
        assert!(matches!(read("file:/no/such/file"), Err(ReferenceError::File { .. })));
        assert!(matches!(read("file:"), Err(ReferenceError::Nameless("file:"))));
        assert!(matches!(read("env:"), Err(ReferenceError::Nameless("env:"))));
        assert!(matches!(read("env:MARU_NO_SUCH_NAME"), Err(ReferenceError::NotSet(_))));
        assert!(matches!(read(""), Err(ReferenceError::Empty(_))));
        // Cargo sets this one for every test.
        assert_eq!(read("env:CARGO_PKG_NAME").unwrap(), "maru-accounts");
    }

    #[test]
    fn a_secret_is_never_shown() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(…)");
    }
}
