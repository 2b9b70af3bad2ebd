//! What was said and seen in each chat, as those who said and saw it know it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Who sees a chat: `customer`, or an agent by their number.
pub type Viewer = String;

/// The customer, as a viewer.
pub const CUSTOMER: &str = "customer";

/// Something that somebody said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saying {
    /// Who.
    pub by: Viewer,
    /// Under which id.
    pub mid: String,
    /// What.
    pub text: String,
    /// Whether the server confirmed it.
    pub confirmed: bool,
}

/// Something that a viewer was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its place among what this viewer is shown: a customer's `s`, an agent's `seq`.
    pub place: u64,
    /// The place that it begins at: a `skip` takes several.
    pub from: u64,
    /// Its place in the customer's stream, if it has one.
    pub s: Option<u64>,
    /// What it is.
    pub kind: String,
    /// The id of a message.
    pub mid: Option<String>,
    /// Its text.
    pub text: Option<String>,
}

/// One chat.
#[derive(Clone, Debug, Default)]
pub struct Book {
    /// What was said, by each in order.
    pub said: Vec<Saying>,
    /// What each viewer was shown, as it came, over all of their sockets.
    pub live: BTreeMap<Viewer, Vec<Shown>>,
    /// What each viewer was shown when they asked for all of it in the end.
    pub kept: BTreeMap<Viewer, Vec<Shown>>,
    /// What befell the call that is no part of talking: `left 5001`, `clear 200`.
    pub turns: Vec<String>,
    /// An agent was told that the customer's link is broken.
    pub customer_lost: bool,
    /// Who answered it.
    pub agent: Option<String>,
}

/// The books of all chats, by their id.
#[derive(Debug, Default)]
pub struct Books(Mutex<HashMap<String, Book>>);

impl Books {
    /// All of them.
    pub fn all(&self) -> MutexGuard<'_, HashMap<String, Book>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with one, which is made if it is not there.
    pub fn with<T>(&self, chat: &str, work: impl FnOnce(&mut Book) -> T) -> T {
        work(self.all().entry(chat.to_owned()).or_default())
    }

    /// Somebody is about to say something, for the first time.
    pub fn says(&self, chat: &str, by: &str, mid: &str, text: &str) {
        let (by, mid, text) = (by.to_owned(), mid.to_owned(), text.to_owned());
        self.with(chat, |book| book.said.push(Saying { by, mid, text, confirmed: false }));
    }

    /// The server confirmed it.
    pub fn confirmed(&self, chat: &str, mid: &str) {
        self.with(chat, |book| {
            let said = book.said.iter_mut().rev().find(|said| said.mid == mid);
            if let Some(said) = said {
                said.confirmed = true;
            }
        });
    }

    /// A viewer was shown something, live or in the end.
    pub fn saw(&self, chat: &str, viewer: &str, shown: Shown, in_the_end: bool) {
        self.with(chat, |book| {
            let books = if in_the_end { &mut book.kept } else { &mut book.live };
            books.entry(viewer.to_owned()).or_default().push(shown);
        });
    }

    /// Something befell the call.
    pub fn turn(&self, chat: &str, what: String) {
        self.with(chat, |book| book.turns.push(what));
    }

    /// How many messages were confirmed in all chats.
    pub fn count_confirmed(&self) -> usize {
        let all = self.all();
        all.values().flat_map(|book| &book.said).filter(|said| said.confirmed).count()
    }
}
