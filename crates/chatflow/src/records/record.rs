//! Clients and their apps, as they are kept.

use std::collections::BTreeMap;

use maru_accounts::SecretRecord;
use maru_activity::{RealmId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::limits::{DESCRIPTION_CHARS_MAX, HANDLE_CHARS_MAX, NAME_CHARS_MAX};
use crate::phone::phone;

/// Somebody who signed up: whoever shows one of the secrets (the `client_id` of the API) is them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientRecord {
    /// By which operators know them; no secret.
    pub id: String,
    /// The realm.
    pub realm: RealmId,
    /// What people call them.
    pub name: String,
    /// One secret, or two while it changes; the newest last.
    pub secrets: Vec<SecretRecord>,
    /// When they signed up.
    pub created_at: Timestamp,
}

/// An app: one scenario of a client, with all its versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppRecord {
    /// By which everything of the app is kept, for good: random, and no one else's business.
    pub id: String,
    /// The public handle: in addresses, settings and webhooks. Unique in the realm.
    pub handle: String,
    /// The realm.
    pub realm: RealmId,
    /// The client it belongs to: [`ClientRecord::id`].
    pub client: String,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Whom monitoring messages go to: E.164, or Korean with a leading 0.
    pub monitor_phone: String,
    /// The client's consent to the processing of personal data.
    pub consent: Consent,
    /// One secret (the `app_id` of the API), or two while it changes; the newest last.
    pub secrets: Vec<SecretRecord>,
    /// What webhooks' headers may hold, sealed with the instance key, by its name.
    #[serde(default)]
    pub webhook_secrets: BTreeMap<String, String>,
    /// The published versions, oldest first.
    #[serde(default)]
    pub versions: Vec<VersionInfo>,
    /// The version that sessions begin with. `None`: nothing was published.
    #[serde(default)]
    pub live: Option<u64>,
    /// The number of the version that was published last, whether it is still kept or not.
    #[serde(default)]
    pub last_version: u64,
    /// When it was made.
    pub created_at: Timestamp,
}

impl AppRecord {
    /// Whether a version is kept.
    pub fn has_version(&self, number: u64) -> bool {
        self.versions.iter().any(|version| version.number == number)
    }
}

/// The wording of the consent to the processing of personal data that [`NewApp::privacy_consent`]
/// agrees to, by its version. The wording is in this crate's README.
pub const CONSENT_VERSION: &str = "2026-11";

/// A consent that was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// The version of the wording.
    pub version: String,
    /// When.
    pub at: Timestamp,
}

/// A published version: its number never means anything else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionInfo {
    /// Its number, from 1.
    pub number: u64,
    /// When it was published.
    pub published_at: Timestamp,
    /// The scenario's own name.
    pub name: String,
    /// How long its file is, in bytes.
    pub bytes: usize,
    /// What changed, in the publisher's words.
    #[serde(default)]
    pub note: String,
}

/// An app to make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewApp {
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Whom monitoring messages go to.
    pub monitor_phone: String,
    /// Whether the client agrees to the processing of personal data, in the wording of
    /// [`CONSENT_VERSION`]. Without that no app is made.
    pub privacy_consent: bool,
    /// The public handle. `None`: ten letters are made up.
    pub handle: Option<String>,
}

/// What is to be changed about an app. What is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppPatch {
    /// What people call it.
    #[serde(default)]
    pub name: Option<String>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Whom monitoring messages go to.
    #[serde(default)]
    pub monitor_phone: Option<String>,
}

impl NewApp {
    pub(super) fn check(&mut self) -> Result<(), Error> {
        if !self.privacy_consent {
            let problem = "an app handles personal data: without consent to that there is none";
            return Err(Error::field("privacy_consent", problem));
        }
        check_name(&self.name)?;
        check_description(&self.description)?;
        self.monitor_phone = checked_phone(&self.monitor_phone)?;
        self.handle.as_deref().map_or(Ok(()), check_handle)
    }
}

impl AppPatch {
    pub(super) fn apply(self, app: &mut AppRecord) -> Result<(), Error> {
        if let Some(name) = self.name {
            check_name(&name)?;
            app.name = name;
        }
        if let Some(description) = self.description {
            check_description(&description)?;
            app.description = description;
        }
        if let Some(phone) = self.monitor_phone {
            app.monitor_phone = checked_phone(&phone)?;
        }
        Ok(())
    }
}

pub(super) fn check_name(name: &str) -> Result<(), Error> {
    let sound = !name.trim().is_empty() && !name.chars().any(char::is_control);
    if sound && name.chars().count() <= NAME_CHARS_MAX {
        return Ok(());
    }
    Err(Error::field("name", format!("must have 1 to {NAME_CHARS_MAX} characters, in one line")))
}

fn check_description(text: &str) -> Result<(), Error> {
    if text.chars().count() <= DESCRIPTION_CHARS_MAX {
        return Ok(());
    }
    Err(Error::field("description", format!("has more than {DESCRIPTION_CHARS_MAX} characters")))
}

fn checked_phone(text: &str) -> Result<String, Error> {
    phone(text).ok_or_else(|| {
        let problem =
            "must be a phone number: international (+821012345678) or Korean (010-1234-5678)";
        Error::field("monitor_phone", problem)
    })
}

fn check_handle(handle: &str) -> Result<(), Error> {
    let plain = |b: u8| b.is_ascii_alphanumeric();
    let sound = (1..=HANDLE_CHARS_MAX).contains(&handle.len())
        && handle.bytes().next().is_some_and(plain)
        && handle.bytes().all(|b| plain(b) || b == b'-' || b == b'_');
    if sound {
        return Ok(());
    }
    let problem = format!(
        "must have 1 to {HANDLE_CHARS_MAX} of a-z A-Z 0-9 _ -, and begin with none of the last two"
    );
    Err(Error::field("handle", problem))
}
