//! Erasing a person.
//!
//! Bodies are emptied, and names, keys, attempts and values taken away, in one transaction. The former
//! versions of the rows go with the next (auto)vacuum, which is asked for at once; write-ahead
//! archives and backups keep theirs for as long as they are kept.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use maru_activity::{RealmId, Timestamp};
use maru_store::{Erased, Error, Meta, Whom, blob_references};
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::db::{Db, Transaction, Values};
use crate::fault::Fault;
use crate::rows::{self, each, get, maybe_text, text, uint};
use crate::session::now;
use crate::text::{Owned, Text};

/// An erasure as the journal keeps it. Every store writes it so: journals move with the data.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Erasure {
    /// Tells one from another across copies of the data.
    pub(crate) id: Uuid,
    pub(crate) at: Timestamp,
    pub(crate) realm: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    person: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    external: Option<String>,
}

impl Erasure {
    pub(crate) fn new(id: Uuid, realm: &RealmId, whom: &Whom, at: Timestamp) -> Self {
        let (person, channel, external) = match whom {
            Whom::Person(person) => (Some(person.as_str().to_owned()), None, None),
            Whom::Participant(channel, external) => {
                (None, Some(channel.as_str().to_owned()), Some(external.clone()))
            }
        };
        Self { id, at, realm: realm.as_str().to_owned(), person, channel, external }
    }

    /// Reads what [`list`] wrote.
    pub(crate) fn parse(value: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(value).map_err(|_| Error::Unsound("no entry of an erasure journal"))
    }

    fn of(row: &Row) -> Result<Self, Fault> {
        Ok(Self {
            id: get(row, "id")?,
            at: rows::time(row, "at")?,
            realm: text(row, "realm")?,
            person: maybe_text(row, "person")?,
            channel: maybe_text(row, "channel")?,
            external: maybe_text(row, "external")?,
        })
    }
}

const JOURNAL: &str =
    "SELECT id, at, realm, person, channel, external FROM erasures ORDER BY written_at, id";
const KNOWN: &str = "SELECT id FROM erasures WHERE id = ANY($1::uuid[])";
const NOTE: &str = concat!(
    "INSERT INTO erasures (id, at, realm, person, channel, external, written_at) \
     VALUES ($1, $2, $3, $4, $5, $6, ",
    now!(),
    ")"
);
/// Where someone takes part, and whether nobody else but bots does. Bots have no person.
const MEMBERSHIPS: &str = "SELECT m.conversation, m.role, m.external, NOT EXISTS (SELECT 1 \
     FROM members o WHERE o.realm = m.realm AND o.conversation = m.conversation AND o.role <> 1 \
     AND NOT coalesce(o.person = $2, false) \
     AND NOT coalesce(o.channel = $3 AND o.external = $4, false)) AS alone \
     FROM members m WHERE m.realm = $1 AND m.role <> 1 \
     AND (m.person = $2 OR (m.channel = $3 AND m.external = $4)) \
     ORDER BY m.conversation";
const LOCK: &str = "SELECT c.id FROM conversations c WHERE c.realm = $1 AND c.id = ANY($2::text[]) \
     ORDER BY c.realm, c.id FOR UPDATE";
/// The entries `e` of memberships `u`: all, where they were alone with a bot, else their own. What
/// was said later is spared when an old erasure is repeated.
macro_rules! theirs {
    () => {
        "unnest($2::text[], $3::int2[], $4::text[], $5::bool[]) AS u (id, role, external, alone)"
    };
}
macro_rules! said {
    () => {
        "e.realm = $1 AND e.conversation = u.id AND e.at <= $6 \
         AND (u.alone OR (e.role = u.role AND e.sender = u.external))"
    };
}
const BLOBS: &str = concat!(
    "SELECT e.meta, e.body FROM ",
    theirs!(),
    " JOIN entries e ON ",
    said!(),
    " WHERE e.meta IS NOT NULL"
);
const ATTEMPTS: &str = concat!(
    "DELETE FROM attempts AS a USING ",
    theirs!(),
    ", entries e, deliveries d WHERE ",
    said!(),
    " AND d.realm = $1 AND d.conversation = e.conversation AND d.seq = e.seq \
     AND a.realm = $1 AND a.conversation = d.conversation AND a.delivery = d.id"
);
const CAUSES: &str = concat!(
    "UPDATE deliveries AS d SET cause = NULL FROM ",
    theirs!(),
    ", entries e WHERE ",
    said!(),
    " AND d.realm = $1 AND d.conversation = e.conversation AND d.seq = e.seq \
     AND d.cause IS NOT NULL"
);
const KEYS: &str = concat!(
    "DELETE FROM client_keys AS k USING ",
    theirs!(),
    ", entries e WHERE ",
    said!(),
    " AND k.realm = $1 AND k.conversation = e.conversation AND k.seq = e.seq"
);
const BODIES: &str = concat!(
    "WITH cleared AS (UPDATE entries AS e SET body = '', meta = NULL FROM ",
    theirs!(),
    " WHERE ",
    said!(),
    " AND (length(e.body) > 0 OR e.meta IS NOT NULL) RETURNING e.conversation) \
     SELECT count(*) AS entries, count(DISTINCT conversation) AS conversations FROM cleared"
);
const NAMES: &str = "UPDATE members AS m SET name = NULL WHERE m.realm = $1 AND m.role <> 1 \
     AND (m.person = $2 OR (m.channel = $3 AND m.external = $4)) AND m.name IS NOT NULL";
/// The values that tell of conversations in which there was no other user, locked as commits lock them.
const VALUES: &str = "WITH gone AS (SELECT s.realm, s.scope, s.key FROM states s \
     WHERE s.realm = $1 AND s.at <= $5 AND s.conversation IN (SELECT m.conversation \
     FROM members m WHERE m.realm = $1 AND m.role = 0 \
     AND (m.person = $2 OR (m.channel = $3 AND m.external = $4)) AND NOT EXISTS (SELECT 1 \
     FROM members o WHERE o.realm = m.realm AND o.conversation = m.conversation AND o.role = 0 \
     AND NOT coalesce(o.person = $2, false) \
     AND NOT coalesce(o.channel = $3 AND o.external = $4, false))) \
     ORDER BY s.realm, s.scope, s.key FOR UPDATE) \
     DELETE FROM states AS s USING gone g \
     WHERE s.realm = g.realm AND s.scope = g.scope AND s.key = g.key";

/// The tables of which former versions of rows are to go.
const TOUCHED: [&str; 6] = [
    "VACUUM entries",
    "VACUUM members",
    "VACUUM deliveries",
    "VACUUM attempts",
    "VACUUM client_keys",
    "VACUUM states",
];

/// The journal, oldest first.
pub(crate) async fn list(db: &Db) -> Result<Vec<Bytes>, Fault> {
    let found = db.lend().await?.query(JOURNAL, &[]).await?;
    each(&found, |row| {
        let text = serde_json::to_vec(&Erasure::of(row)?);
        text.map(Bytes::from).map_err(|_| Fault::Bad("erasures"))
    })
}

/// Those of a journal that this store does not know of.
pub(crate) async fn unknown(db: &Db, journal: Vec<Erasure>) -> Result<Vec<Erasure>, Fault> {
    let ids: Vec<Uuid> = journal.iter().map(|erasure| erasure.id).collect();
    let known = db.lend().await?.query(KNOWN, &[&ids]).await?;
    let known: Vec<Uuid> = each(&known, |row| get(row, "id"))?;
    Ok(journal.into_iter().filter(|erasure| !known.contains(&erasure.id)).collect())
}

/// Erases, and notes it in the journal. `until` spares what was said later.
pub(crate) async fn erase(
    db: &Db,
    erasure: &Erasure,
    until: Option<Timestamp>,
) -> Result<Erased, Fault> {
    let transaction = db.lend().await?.begin().await?;
    let found = memberships(&transaction, erasure).await?;
    // As commits lock them; what joined meanwhile is seen then.
    transaction.query(LOCK, &[&Text(&erasure.realm), &found.ids]).await?;
    let theirs = memberships(&transaction, erasure).await?;
    let (realm, until) = (Text(&erasure.realm), until.map_or(i64::MAX, Timestamp::as_micros));
    let values: Values<'_> =
        &[&realm, &theirs.ids, &theirs.roles, &theirs.externals, &theirs.alone, &until];
    let mut erased = Erased { blobs: blobs(&transaction, values).await?, ..Erased::default() };
    for sql in [ATTEMPTS, CAUSES, KEYS] {
        transaction.execute(sql, values).await?;
    }
    if let Some(row) = transaction.row(BODIES, values).await? {
        erased.entries = uint(&row, "entries")?;
        erased.conversations = uint(&row, "conversations")?;
    }
    let (person, channel, external) = whom(erasure);
    transaction.execute(VALUES, &[&realm, &person, &channel, &external, &until]).await?;
    transaction.execute(NAMES, &[&realm, &person, &channel, &external]).await?;
    let at = erasure.at.as_micros();
    transaction.execute(NOTE, &[&erasure.id, &at, &realm, &person, &channel, &external]).await?;
    transaction.commit().await?;
    Ok(erased)
}

fn whom(erasure: &Erasure) -> (Option<Text<'_>>, Option<Text<'_>>, Option<Text<'_>>) {
    (
        erasure.person.as_deref().map(Text),
        erasure.channel.as_deref().map(Text),
        erasure.external.as_deref().map(Text),
    )
}

/// Where someone who is erased takes part, as columns.
struct Memberships {
    ids: Vec<Owned>,
    roles: Vec<i16>,
    externals: Vec<Owned>,
    alone: Vec<bool>,
}

async fn memberships(lent: &Transaction, erasure: &Erasure) -> Result<Memberships, Fault> {
    let (person, channel, external) = whom(erasure);
    let values: Values<'_> = &[&Text(&erasure.realm), &person, &channel, &external];
    let found = lent.query(MEMBERSHIPS, values).await?;
    Ok(Memberships {
        ids: each(&found, |row| text(row, "conversation").map(Owned))?,
        roles: each(&found, |row| get(row, "role"))?,
        externals: each(&found, |row| text(row, "external").map(Owned))?,
        alone: each(&found, |row| get(row, "alone"))?,
    })
}

async fn blobs(lent: &Transaction, values: Values<'_>) -> Result<Vec<String>, Fault> {
    let mut blobs = BTreeSet::new();
    for row in lent.query(BLOBS, values).await? {
        let ours = serde_json::from_slice::<Meta>(get(&row, "meta")?).is_ok_and(|meta| meta.blobs);
        if ours {
            blobs.extend(blob_references(get(&row, "body")?));
        }
    }
    Ok(blobs.into_iter().collect())
}

/// Asks for what erasures left behind to be taken out of the tables, once for all that wait.
#[derive(Clone, Debug, Default)]
pub(crate) struct Vacuum {
    wanted: Arc<AtomicU64>,
    done: Arc<tokio::sync::Mutex<u64>>,
}

impl Vacuum {
    /// In the background: it takes as long as the tables are large.
    pub(crate) fn ask(&self, db: &Db) {
        let mine = self.wanted.fetch_add(1, Ordering::SeqCst) + 1;
        let (vacuum, db) = (self.clone(), db.clone());
        tokio::spawn(async move {
            let mut done = vacuum.done.lock().await;
            if *done >= mine {
                return;
            }
            *done = vacuum.wanted.load(Ordering::SeqCst);
            for sql in TOUCHED {
                let run = async { db.lend().await?.run_at_leisure(sql).await };
                if let Err(fault) = run.await {
                    tracing::info!(error = %fault, "erased rows stay until the next vacuum");
                    return;
                }
            }
        });
    }
}
