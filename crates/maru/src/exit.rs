//! How a verb ends.

use std::fmt;
use std::process::ExitCode;

/// Why a verb did not do what it was asked. The number is the process's exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// Something went wrong.
    Failed = 1,
    /// The command line or the configuration is wrong. (clap ends with the same code.)
    Usage = 2,
    /// What was named is not there.
    NotFound = 3,
    /// The server cannot be reached, or the data folder is in use.
    Unreachable = 4,
    /// It is there already, or something else refers to it.
    Conflict = 5,
    /// The store's schema is older than this program's: `maru migrate` comes first.
    Outdated = 6,
}

/// The codes, for `--help`.
pub const CODES: &str = "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 not found, \
                         4 server unreachable or data folder in use, 5 there already or still used, \
                         6 the store needs `maru migrate`.";

/// A verb that failed: what to tell, and the exit code.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: Code,
    /// What to tell.
    pub message: String,
}

impl Failure {
    /// With this code.
    pub fn new(code: Code, message: impl fmt::Display) -> Self {
        Self { code, message: message.to_string() }
    }

    /// The process's exit code.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code as u8)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        // With all causes, on one line.
        Self::new(Code::Failed, format!("{error:#}"))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(Code::Failed, error)
    }
}

impl From<crate::config::Problems> for Failure {
    fn from(problems: crate::config::Problems) -> Self {
        Self::new(Code::Usage, problems)
    }
}

impl From<crate::folder::FolderError> for Failure {
    fn from(error: crate::folder::FolderError) -> Self {
        use crate::folder::FolderError;
        let code = match error {
            FolderError::InUse { .. } => Code::Unreachable,
            FolderError::Missing(_) => Code::NotFound,
            FolderError::Io { .. } => Code::Failed,
        };
        Self::new(code, error)
    }
}
