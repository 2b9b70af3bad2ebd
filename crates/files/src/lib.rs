//! Files that people send each other in a web chat: what is taken, what is kept, and how it is given
//! out again; and what their messages say ([`said`]).
//!
//! Whatever a stranger uploads may be shown to an agent, and the other way round. So a file is taken
//! only if its name and its first bytes say the same allowed kind ([`kinds`]); nothing that can hold
//! a script is allowed at all; a picture is looked at through a preview that was drawn anew
//! ([`preview`]); everything else is only ever saved, never shown in place; and the address of a file
//! is good for some days and for one conversation ([`Files::link`]).
//!
//! The channel of the web chat and the desk share this, so that the two sides of one conversation go
//! by one rule.

pub mod fuzz;
pub mod kinds;
mod links;
mod naming;
pub mod preview;
pub mod said;
mod serve;
mod spool;
mod take;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use maru_accounts::InstanceKey;
use maru_hall::Hall;
use tokio::sync::Semaphore;

pub use links::{LinkOf, Linked, PATH};
pub use naming::short_name;
pub use take::{FileData, Refused};

/// The most bytes of a file, where a channel does not say otherwise (web-chat-desk.md §4.12).
pub const FILE_BYTES_MAX: usize = 10 * 1024 * 1024;

/// The most files of one message (web-chat-desk.md A27).
pub const FILES_MAX: usize = 2;

/// The longest name of a file in a message, in Unicode scalar values after NFC (web-chat-desk.md
/// A25). The file itself keeps its whole name.
pub const NAME_MAX: usize = 28;

/// For how many days at least the address of a file is good, counted to the end of the last one, so
/// that it stays the same within a day and browsers can keep the file.
pub const LINK_DAYS: i64 = 7;

/// How many files are copied at once to where they are kept. Each takes up to 10 MiB of memory for it.
const COPIES_AT_ONCE: usize = 4;

/// Files: taken in, linked to, and given out. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Files {
    hall: Hall,
    links: Arc<links::Sealer>,
    previews: Arc<OnceLock<preview::Previews>>,
    copies: Arc<Semaphore>,
    /// On whose disk files are while they come in.
    spool: Arc<PathBuf>,
}

impl Files {
    /// Files of the hall, whose addresses are sealed with a key that follows from this one.
    /// While one comes in it is in the system's folder for what is temporary; see [`Files::spooled_in`].
    pub fn new(hall: Hall, key: &InstanceKey) -> Self {
        Self {
            hall,
            links: Arc::new(links::Sealer::new(key)),
            previews: Arc::default(),
            copies: Arc::new(Semaphore::new(COPIES_AT_ONCE)),
            spool: Arc::new(std::env::temp_dir()),
        }
    }

    /// The same, with this folder for files that come in. They have no names there, and are gone when
    /// this process is.
    #[must_use]
    pub fn spooled_in(self, folder: PathBuf) -> Self {
        Self { spool: Arc::new(folder), ..self }
    }
}
