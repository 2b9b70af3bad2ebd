//! A person's record.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use maru_activity::Timestamp;
use maru_activity::env::Env;
use maru_store::State;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use super::SCOPE;
use crate::Error;

/// How many characters a login may have.
pub const LOGIN_CHARS: RangeInclusive<usize> = 1..=64;

/// How many characters a display name may have.
pub const DISPLAY_NAME_CHARS: RangeInclusive<usize> = 1..=64;

/// How many characters a number (DN) may have.
pub const DN_CHARS: RangeInclusive<usize> = 1..=32;

/// What a person may do. Each stands for itself: who is to do two things has two roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StaffRole {
    /// Answers customers.
    Agent,
    /// Leads a group.
    Lead,
    /// Watches over all groups.
    Supervisor,
    /// Administers.
    Admin,
}

/// Somebody who works with Maru.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// What stays the same for as long as this person is known, and is never given again.
    pub id: String,
    /// By which they sign in, unique in the realm: as [`login_of`] gives it.
    pub login: String,
    /// What others see.
    pub name: String,
    /// What they may do.
    pub roles: BTreeSet<StaffRole>,
    /// The number at which they answer, if they do. That it exists is not known here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dn: Option<String>,
    /// Whether they may not sign in.
    #[serde(default)]
    pub disabled: bool,
    /// When they were made known.
    pub created_at: Timestamp,
}

/// A person to make known.
#[derive(Clone, Debug)]
pub struct NewPerson {
    /// The login, in any case.
    pub login: String,
    /// The display name; empty: the login.
    pub name: String,
    /// What they may do.
    pub roles: BTreeSet<StaffRole>,
    /// Their number.
    pub dn: Option<String>,
}

/// What is to change of a person; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct PersonChange {
    /// The display name.
    pub name: Option<String>,
    /// What they may do.
    pub roles: Option<BTreeSet<StaffRole>>,
    /// Their number; `Some(None)` takes it away.
    pub dn: Option<Option<String>>,
    /// Whether they may not sign in.
    pub disabled: Option<bool>,
}

/// Why something about a person could not be done.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// The store did not do it, or a record is damaged.
    #[error(transparent)]
    Accounts(#[from] Error),
    /// There is one of this login already.
    #[error("there is a person {0:?} already")]
    Exists(String),
    /// The realm has nobody of this login.
    #[error("there is no person {0:?}")]
    Unknown(String),
    /// A text that cannot be a login.
    #[error("a login is 1 to 64 letters, digits, '.', '_', '-' and '@'")]
    BadLogin,
    /// A text that cannot be a display name.
    #[error("a display name is 1 to 64 characters on one line")]
    BadName,
    /// A text that cannot be a number.
    #[error("a number is 1 to 32 of 0-9, A-Z, a-z and *#+_.-")]
    BadDn,
    /// A text that cannot be a password.
    #[error("a password has 10 to 1024 characters")]
    BadPassword,
    /// Too many ask at once.
    #[error("too much is asked at once; try again")]
    Busy,
    /// The hashing itself failed. The text holds nothing of the password.
    #[error("the password cannot be hashed: {0}")]
    Hash(String),
}

/// The login that a text stands for: in lower case, and in one normalization. `None` if it can be no
/// login.
pub fn login_of(text: &str) -> Option<String> {
    // No login is longer, however it is written.
    if text.len() > 16 * LOGIN_CHARS.end() {
        return None;
    }
    let login: String = text.trim().nfkc().flat_map(char::to_lowercase).nfkc().collect();
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '@');
    (LOGIN_CHARS.contains(&login.chars().count()) && login.chars().all(plain)).then_some(login)
}

/// The text as a number (DN); `None` if it can be none (web-chat-desk.md, 1.7, A14).
pub fn dn_of(text: &str) -> Option<&str> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"*#+_.-".contains(&b);
    (DN_CHARS.contains(&text.len()) && text.bytes().all(plain)).then_some(text)
}

/// How a person is kept: what may be shown, and what may not.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Record {
    #[serde(flatten)]
    pub(super) person: Person,
    /// What is kept of the password, in the PHC format.
    pub(super) password: String,
    /// Sessions that began under another number are over.
    pub(super) epoch: u64,
}

impl Record {
    /// Of somebody new, without a password yet.
    pub(super) fn new(new: NewPerson, env: &Env) -> Result<Self, PeopleError> {
        let login = login_of(&new.login).ok_or(PeopleError::BadLogin)?;
        let name = if new.name.is_empty() { login.clone() } else { name_of(&new.name)? };
        let dn = new.dn.as_deref().map(|dn| dn_of(dn).ok_or(PeopleError::BadDn)).transpose()?;
        let person = Person {
            id: env.uuid().to_string(),
            login,
            name,
            roles: new.roles,
            dn: dn.map(str::to_owned),
            disabled: false,
            created_at: env.now(),
        };
        Ok(Self { person, password: String::new(), epoch: 0 })
    }

    pub(super) fn of(state: &State) -> Result<Self, Error> {
        serde_json::from_slice(&state.value).map_err(|error| Error::Damaged {
            scope: SCOPE,
            key: state.key.clone(),
            why: error.to_string(),
        })
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(self).map_err(|error| Error::Damaged {
            scope: SCOPE,
            key: self.person.login.clone(),
            why: error.to_string(),
        })
    }

    pub(super) fn apply(&mut self, change: &PersonChange) -> Result<(), PeopleError> {
        let PersonChange { name, roles, dn, disabled } = change;
        let person = &mut self.person;
        if let Some(name) = name {
            person.name = name_of(name)?;
        }
        if let Some(roles) = roles {
            person.roles.clone_from(roles);
        }
        if let Some(dn) = dn {
            let dn = dn.as_deref().map(|dn| dn_of(dn).ok_or(PeopleError::BadDn)).transpose()?;
            person.dn = dn.map(str::to_owned);
        }
        if let Some(disabled) = *disabled {
            // Whoever is allowed in again signs in again.
            self.epoch += u64::from(disabled && !person.disabled);
            person.disabled = disabled;
        }
        Ok(())
    }
}

fn name_of(text: &str) -> Result<String, PeopleError> {
    let name: String = text.trim().nfc().collect();
    let good =
        DISPLAY_NAME_CHARS.contains(&name.chars().count()) && !name.chars().any(char::is_control);
    good.then_some(name).ok_or(PeopleError::BadName)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_login_is_written_in_many_ways() {
        for (text, login) in [
            ("kim", Some("kim")),
            (" Kim ", Some("kim")),
            ("ＫＩＭ", Some("kim")),
            ("김민지", Some("김민지")),
            ("a.b_c-d@example.com", Some("a.b_c-d@example.com")),
            ("", None),
            ("a b", None),
            ("a/b", None),
            ("a\0", None),
        ] {
            assert_eq!(login_of(text).as_deref(), login, "{text:?}");
        }
        let nfd: String = "김민지".nfd().collect();
        assert_eq!(login_of(&nfd).as_deref(), Some("김민지"));
        assert_eq!(login_of(&"a".repeat(64)).map(|login| login.len()), Some(64));
        assert_eq!(login_of(&"a".repeat(65)), None);
    }

    #[test]
    fn a_number_has_the_grammar_of_the_dialed_ones() {
        for good in ["3001", "*70#", "+82-2.1_x", &"9".repeat(32)] {
            assert_eq!(dn_of(good), Some(good));
        }
        for bad in ["", "30 01", "삼천", "3001;", &"9".repeat(33)] {
            assert_eq!(dn_of(bad), None, "{bad:?}");
        }
    }
}
