//! Files that nothing refers to any more are taken away.
//!
//! One goes when no claim was written within [`UNUSED_FOR`] of its record (an upload whose post was
//! refused, or whose client went away), or when retention has taken what referred to it. All records
//! are looked at in *rounds*, page by page and a few pages a minute. How far a round has come is a
//! value in the store: it outlives a restart, and makes sure that one node at a time is at it.
//!
//! Nothing is taken away that a post begins to refer to in the same moment: a file is doomed by a
//! commit that holds only if record and claim are still what they were.

use std::time::Duration;

use maru_activity::{ChannelId, RealmId, Timestamp, Viewer};
use maru_store::{Cursor, Error as StoreError, Place, State, StateWrite, Store};
use serde::{Deserialize, Serialize};

use super::{BlobError, BlobId, Blobs, Claim, DELETE_MAX, Record, SCOPE, doom, references};
use crate::records::{REALMS, SYSTEM_REALM};
use crate::{Error, Hall};

/// How long a file may stay without anything that refers to it.
const UNUSED_FOR: Duration = Duration::from_secs(24 * 3_600);

/// How often a round begins, at most.
const ROUND: Duration = Duration::from_secs(6 * 3_600);

/// For how long a node that went on with a round is left alone with it.
const HELD: Duration = Duration::from_secs(45);

/// Records and claims on a page.
const PAGE: usize = 500;

/// Entries on a page.
const ENTRIES: usize = 200;

/// How many pages are read in one go, of records and of entries together.
const PAGES_MAX: usize = 40;

/// Where it is noted how far the round has come, in the system realm.
const NOTE_SCOPE: &str = "hall/blob-round";
const NOTE: &str = "round";

/// How far the round has come.
#[derive(Debug, Serialize, Deserialize)]
struct Round {
    began: Timestamp,
    /// When a node went on with it last.
    ran: Timestamp,
    /// The realm it is at; none once it is over.
    realm: Option<RealmId>,
    /// Where in that realm.
    after: Option<Cursor>,
}

/// A file with the versions of its record and its claim, `0` for none.
struct Found {
    id: BlobId,
    record: u64,
    claim: u64,
}

impl Hall {
    /// Goes on with the round that takes away files that nothing refers to, or begins the next one
    /// if it is time. Gives how many went. Runs by itself once a minute.
    ///
    /// # Errors
    /// What the store or the place where files are kept says. The next run goes on where this one
    /// began.
    pub async fn collect_blobs(&self) -> Result<u64, Error> {
        let collector = Collector { hall: self, blobs: &self.inner.blobs, pages_left: PAGES_MAX };
        collector.run().await.map_err(|error| match error {
            BlobError::Store(error) => error.into(),
            other => Error::Unavailable(other.to_string()),
        })
    }
}

struct Collector<'a> {
    hall: &'a Hall,
    blobs: &'a Blobs,
    pages_left: usize,
}

impl Collector<'_> {
    async fn run(mut self) -> Result<u64, BlobError> {
        let now = self.blobs.env.now();
        let Some((mut round, version)) = self.take(now).await? else { return Ok(0) };
        let mut gone = 0;
        while let Some(realm) = round.realm.clone() {
            if self.pages_left == 0 || self.hall.inner.stopping.is_cancelled() {
                break;
            }
            self.pages_left -= 1;
            let page = self.store().states(&realm, SCOPE, round.after.take(), PAGE).await?;
            gone += self.look_at(&realm, page.items, now).await?;
            round.after = page.next;
            if round.after.is_none() {
                round.realm = self.realm_after(Some(&realm)).await?;
            }
        }
        if gone > 0 {
            tracing::info!(files = gone, "files that nothing refers to were taken away");
        }
        match self.note(&round, version).await {
            // It took long, and another node went on meanwhile from where this one began.
            Ok(_) | Err(BlobError::Store(StoreError::Conflict(_))) => Ok(gone),
            Err(error) => Err(error),
        }
    }

    fn store(&self) -> &dyn Store {
        &*self.blobs.store
    }

    /// Takes the round in hand; `None` if it is over, or another node is at it. Gives the version of
    /// the note, too.
    async fn take(&self, now: Timestamp) -> Result<Option<(Round, u64)>, BlobError> {
        let noted = self.store().state(&SYSTEM_REALM.into(), NOTE_SCOPE, NOTE).await?;
        let version = noted.as_ref().map_or(0, |state| state.version);
        let last: Option<Round> = noted.and_then(|state| serde_json::from_slice(&state.value).ok());
        let round = match last {
            Some(round) if round.realm.is_some() => {
                if now < round.ran.after(HELD) {
                    return Ok(None);
                }
                Round { ran: now, ..round }
            }
            Some(round) if now < round.began.after(ROUND) => return Ok(None),
            _ => {
                let realm = self.realm_after(None).await?;
                Round { began: now, ran: now, realm, after: None }
            }
        };
        match self.note(&round, version).await {
            Ok(version) => Ok(Some((round, version))),
            Err(BlobError::Store(StoreError::Conflict(_))) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Notes how far the round is, if the note is still of this version. Gives the next version.
    async fn note(&self, round: &Round, version: u64) -> Result<u64, BlobError> {
        let value = serde_json::to_vec(round).map_err(|_| BlobError::Damaged)?;
        let write = StateWrite::put(NOTE_SCOPE, NOTE, value).at_version(version);
        self.blobs.write(&SYSTEM_REALM.into(), vec![write]).await?;
        Ok(version + 1)
    }

    /// The first realm, or the one behind another.
    async fn realm_after(&self, realm: Option<&RealmId>) -> Result<Option<RealmId>, BlobError> {
        let mut after = None;
        loop {
            let page = self.store().states(&SYSTEM_REALM.into(), REALMS, after, PAGE).await?;
            let mut ids = page.items.into_iter().map(|state| RealmId::from(state.key));
            if let Some(next) = ids.find(|id| realm.is_none_or(|realm| id > realm)) {
                return Ok(Some(next));
            }
            after = page.next;
            if after.is_none() {
                return Ok(None);
            }
        }
    }

    /// Looks at a page of records and claims, and takes away the files that may go.
    async fn look_at(
        &mut self,
        realm: &RealmId,
        states: Vec<State>,
        now: Timestamp,
    ) -> Result<u64, BlobError> {
        // Those that go now, and those whose going was broken off.
        let (mut unused, mut doomed) = (Vec::new(), Vec::new());
        let mut states = states.into_iter().peekable();
        while let Some(state) = states.next() {
            // The claim on a record on the page before, which was looked up then.
            let Some(id) = BlobId::parse(&state.key) else { continue };
            let key = id.claim_key();
            let mut claim = states.next_if(|next| next.key == key);
            if claim.is_none() && states.peek().is_none() {
                // It may begin the next page.
                claim = self.store().state(realm, SCOPE, &key).await?;
            }
            match serde_json::from_slice::<Option<Record>>(&state.value) {
                Ok(None) => doomed.push(id),
                Ok(Some(record)) if record.tracked => {
                    if self.is_unused(realm, &id, &state, claim.as_ref(), now).await? {
                        let claim = claim.map_or(0, |state| state.version);
                        unused.push(Found { id, record: state.version, claim });
                    }
                }
                Ok(Some(_)) | Err(_) => {}
            }
        }
        self.blobs.clear_all(realm, &doomed).await?;
        let mut gone = 0;
        for found in unused.chunks(DELETE_MAX) {
            gone += self.take_away(realm, found).await?;
        }
        Ok(gone)
    }

    async fn is_unused(
        &mut self,
        realm: &RealmId,
        id: &BlobId,
        record: &State,
        claim: Option<&State>,
        now: Timestamp,
    ) -> Result<bool, BlobError> {
        let Some(state) = claim else { return Ok(record.at.after(UNUSED_FOR) <= now) };
        let Ok(claim) = serde_json::from_slice::<Claim>(&state.value) else { return Ok(false) };
        // An entry is not older than the commit it came with: before that, retention leaves it.
        let kept_since = self.hall.kept_since(realm, &claim.channel, now);
        if kept_since.is_none_or(|since| state.at >= since) {
            return Ok(false);
        }
        Ok(!self.is_referred_to(realm, id, &claim).await?)
    }

    /// Whether what refers to a file is still there. All entries that the conversation still has are
    /// looked at; it is asked only of files that retention may just have reached.
    async fn is_referred_to(
        &mut self,
        realm: &RealmId,
        id: &BlobId,
        claim: &Claim,
    ) -> Result<bool, BlobError> {
        let limit = if claim.whole { 1 } else { ENTRIES };
        let mut from = 0;
        loop {
            self.pages_left = self.pages_left.saturating_sub(1);
            let place = Place::Seq(from);
            let conversation = &claim.conversation;
            let entries =
                self.store().read(realm, conversation, Viewer::Operator, place, limit).await?;
            let Some(last) = entries.last() else { return Ok(false) };
            let refers = |body: &[u8]| references(body).contains(id);
            if claim.whole || entries.iter().any(|e| e.meta.blobs && refers(&e.body)) {
                return Ok(true);
            }
            from = last.seq + 1;
        }
    }

    async fn take_away(&self, realm: &RealmId, found: &[Found]) -> Result<u64, BlobError> {
        let doom = |found: &Found| doom(&found.id, Some(found.record), Some(found.claim));
        match self.blobs.write(realm, found.iter().flat_map(doom).collect()).await {
            Ok(()) => {}
            // One of them has been referred to meanwhile: the next round looks at all again.
            Err(BlobError::Store(StoreError::Conflict(_))) => return Ok(0),
            Err(error) => return Err(error),
        }
        self.blobs.clear(realm, found.iter().map(|found| &found.id)).await?;
        Ok(found.len() as u64)
    }
}

impl Blobs {
    /// Goes on with taking away doomed files.
    async fn clear_all(&self, realm: &RealmId, doomed: &[BlobId]) -> Result<(), BlobError> {
        for ids in doomed.chunks(DELETE_MAX) {
            self.clear(realm, ids.iter()).await?;
        }
        Ok(())
    }
}

impl Hall {
    /// From when on a channel's entries are kept; `None`: all are.
    fn kept_since(
        &self,
        realm: &RealmId,
        channel: &ChannelId,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let own =
            self.inner.directory.channel(realm, channel).and_then(|channel| channel.keep_days);
        let days = own.or(self.inner.settings.retention.days)?;
        Some(now.before(Duration::from_secs(u64::from(days) * 86_400)))
    }
}
