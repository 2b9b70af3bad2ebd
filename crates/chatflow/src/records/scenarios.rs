//! An app's scenario: the draft that is worked on, and the versions that were published.

use std::sync::Arc;

use bytes::Bytes;
use maru_activity::RealmId;
use maru_hall::StateWrite;
use maru_scenario::{Capabilities, Issue, Scenario, Severity, validate};
use serde::Serialize;

use super::apps::put;
use super::{AppRecord, DRAFTS, Records, VERSIONS, VersionInfo};
use crate::Error;
use crate::limits::{NOTE_CHARS_MAX, VERSIONS_MAX};

/// What a validation found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Whether it could be published.
    pub valid: bool,
    /// Errors first, each with its place in the file.
    pub issues: Vec<Issue>,
}

/// A version that was published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Published {
    /// The version.
    pub version: VersionInfo,
    /// What may not be as it was meant.
    pub warnings: Vec<Issue>,
    /// Secrets that its webhooks' headers name and the app does not have: those calls fail.
    pub missing_secrets: Vec<String>,
}

impl Checked {
    pub(crate) fn of(file: &[u8], channels: &[Capabilities]) -> Self {
        let issues = validate(file, channels);
        let valid = issues.iter().all(|issue| issue.severity != Severity::Error);
        Self { valid, issues }
    }
}

impl Records {
    /// Keeps a file as the draft, whatever is wrong with it, so that work is not lost; but only one
    /// that is not too large to be a scenario at all.
    pub(crate) async fn put_draft(
        &self,
        realm: &RealmId,
        handle: &str,
        file: Bytes,
    ) -> Result<Checked, Error> {
        let app = self.app_at_hand(realm, handle).await?;
        let most = maru_scenario::limits::FILE_BYTES_MAX;
        let checked = Checked::of(&file, &[]);
        if file.len() > most {
            return Err(Error::Invalid(checked.issues));
        }
        self.write(realm, vec![StateWrite::put(DRAFTS, app.id.as_str(), file)]).await?;
        Ok(checked)
    }

    pub(crate) async fn draft(&self, app: &AppRecord) -> Result<Bytes, Error> {
        let draft = self.hall.state(&app.realm, DRAFTS, &app.id).await?;
        draft.map(|draft| draft.value).ok_or_else(|| Error::unknown("draft", &app.handle))
    }

    /// Makes the draft the next version, which sessions begin with from now on.
    pub(crate) async fn publish(
        &self,
        realm: &RealmId,
        handle: &str,
        note: &str,
    ) -> Result<Published, Error> {
        if note.chars().count() > NOTE_CHARS_MAX {
            let problem = format!("has more than {NOTE_CHARS_MAX} characters");
            return Err(Error::field("note", problem));
        }
        let (mut app, record_version) = self.app(realm, handle).await?;
        let file = self.draft(&app).await?;
        let number = app.last_version + 1;
        let scenario = Scenario::load(&file, number).map_err(Error::Invalid)?;
        let missing = scenario.secrets().into_iter();
        let missing = missing.filter(|name| !app.webhook_secrets.contains_key(*name));
        let missing_secrets = missing.map(str::to_owned).collect();
        let version = VersionInfo {
            number,
            published_at: self.hall.env().now(),
            name: scenario.name().to_owned(),
            bytes: file.len(),
            note: note.to_owned(),
        };
        let warnings = validate(&file, &[]);
        let mut writes = vec![StateWrite::put(VERSIONS, key(&app.id, number), file).at_version(0)];
        app.last_version = number;
        app.live = Some(number);
        app.versions.push(version.clone());
        writes.extend(drop_old(&mut app));
        writes.push(put(&app, record_version)?);
        self.write(realm, writes).await?;
        self.scenarios.insert((app.id, number), Arc::new(scenario));
        Ok(Published { version, warnings, missing_secrets })
    }

    /// Makes an older version the one that sessions begin with.
    pub(crate) async fn roll_back(
        &self,
        realm: &RealmId,
        handle: &str,
        number: u64,
    ) -> Result<AppRecord, Error> {
        let (mut app, record_version) = self.app(realm, handle).await?;
        if !app.has_version(number) {
            return Err(Error::unknown("version", number.to_string()));
        }
        app.live = Some(number);
        self.put_app(&app, record_version).await?;
        Ok(app)
    }

    /// Takes a version away that is not live. Sessions that were pinned to it begin anew.
    pub(crate) async fn remove_version(
        &self,
        realm: &RealmId,
        handle: &str,
        number: u64,
    ) -> Result<AppRecord, Error> {
        let (mut app, record_version) = self.app(realm, handle).await?;
        if app.live == Some(number) {
            return Err(Error::field("version", "is live: roll back to another one first"));
        }
        if !app.has_version(number) {
            return Err(Error::unknown("version", number.to_string()));
        }
        app.versions.retain(|version| version.number != number);
        let gone = StateWrite::delete(VERSIONS, key(&app.id, number));
        self.write(realm, vec![gone, put(&app, record_version)?]).await?;
        self.scenarios.invalidate(&(app.id.clone(), number));
        Ok(app)
    }

    /// A version's file.
    pub(crate) async fn version_file(&self, app: &AppRecord, number: u64) -> Result<Bytes, Error> {
        let file = self.hall.state(&app.realm, VERSIONS, &key(&app.id, number)).await?;
        let file = file.filter(|_| app.has_version(number)).map(|file| file.value);
        file.ok_or_else(|| Error::unknown("version", number.to_string()))
    }

    /// A published version, ready to be stepped through.
    pub(crate) async fn scenario(
        &self,
        app: &AppRecord,
        number: u64,
    ) -> Result<Arc<Scenario>, Error> {
        let at_hand = (app.id.clone(), number);
        if let Some(scenario) = self.scenarios.get(&at_hand) {
            return Ok(scenario);
        }
        let _one_reads = self.reading.enter(&key(&app.id, number)).await;
        if let Some(scenario) = self.scenarios.get(&at_hand) {
            return Ok(scenario);
        }
        let unloadable = Error::Unloadable { version: number };
        let file = match self.version_file(app, number).await {
            Err(Error::Unknown { .. }) => return Err(unloadable),
            file => file?,
        };
        // A file of a thousand nodes takes a while; nobody else is to wait for it.
        let read = tokio::task::spawn_blocking(move || Scenario::load(&file, number)).await;
        let scenario = match read {
            Ok(Ok(scenario)) => Arc::new(scenario),
            Ok(Err(_)) => return Err(unloadable),
            Err(error) => return Err(Error::Internal(error.to_string())),
        };
        self.scenarios.insert(at_hand, Arc::clone(&scenario));
        Ok(scenario)
    }
}

/// Takes out versions that are too many, oldest first, but never the live one.
fn drop_old(app: &mut AppRecord) -> Vec<StateWrite> {
    let mut gone = Vec::new();
    while app.versions.len() > VERSIONS_MAX {
        let Some(place) = app.versions.iter().position(|v| Some(v.number) != app.live) else {
            break;
        };
        let version = app.versions.remove(place);
        gone.push(StateWrite::delete(VERSIONS, key(&app.id, version.number)));
    }
    gone
}

/// Versions of an app sort by their numbers.
pub(super) fn key(app: &str, number: u64) -> String {
    format!("{app}/{number:010}")
}
