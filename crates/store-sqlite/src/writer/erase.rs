//! Erasing a person, so that nothing of them is found in any file of the store.

use std::collections::BTreeSet;

use bytes::Bytes;
use maru_activity::{RealmId, Timestamp};
use maru_store::{Erased, Error, Meta, Whom, blob_references};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::keep::{Key, note_rearranged};
use super::{Unindexed, Writer, checkpoint, keys};
use crate::rows;

/// An erasure as the journal keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Erasure {
    /// Tells one from another across copies of the database.
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

    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: Uuid::from_bytes(row.get("public")?),
            at: rows::time(row, "at")?,
            realm: row.get("realm")?,
            person: row.get("person")?,
            channel: row.get("channel")?,
            external: row.get("external")?,
        })
    }
}

/// The journal, oldest first.
pub(crate) fn list(conn: &Connection) -> rusqlite::Result<Vec<Bytes>> {
    let mut all = conn.prepare_cached(
        "SELECT public, at, realm, person, channel, external FROM erasures ORDER BY id",
    )?;
    let erasures = all.query_map([], Erasure::of)?;
    erasures
        .map(|erasure| {
            let text = serde_json::to_vec(&erasure?);
            text.map(Bytes::from).map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))
        })
        .collect()
}

/// Of whom an erasure speaks: members `m` of the realm `:realm`. Bots have no person.
const MEMBERS: &str = "m.realm = :realm AND m.role <> 1 AND \
     (m.person = :person OR (m.channel = :channel AND m.external = :external))";

/// The entries `e` of one membership: all, where they were alone with a bot, else their own.
const ENTRIES: &str = "e.conv = :conv AND e.at <= :until \
     AND (:alone OR (e.role = :role AND e.sender = :sender))";

/// A membership of someone who is erased.
struct Membership {
    conv: i64,
    role: i64,
    external: String,
    /// Nobody else but bots took part.
    alone: bool,
}

/// Erases within the open transaction. `until` spares what was said later, when an old erasure is
/// repeated.
pub(crate) fn erase(
    conn: &Connection,
    erasure: &Erasure,
    until: Option<Timestamp>,
) -> rusqlite::Result<Erased> {
    let until = until.map_or(i64::MAX, Timestamp::as_micros);
    let mut erased = Erased::default();
    let mut blobs = BTreeSet::new();
    let mut conversations = BTreeSet::new();
    for membership in memberships(conn, erasure)? {
        let Membership { conv, role, external, alone } = &membership;
        let scope: [(&str, &dyn ToSql); 5] = [
            (":conv", conv),
            (":until", &until),
            (":alone", alone),
            (":role", role),
            (":sender", external),
        ];
        collect_blobs(conn, &scope, &mut blobs)?;
        clear_around(conn, &scope)?;
        let cleared = clear_entries(conn, &scope)?;
        if cleared > 0 {
            conversations.insert(*conv);
        }
        erased.entries += cleared;
    }
    clear_values(conn, erasure, until)?;
    clear_names(conn, erasure)?;
    note(conn, erasure)?;
    erased.conversations = conversations.len() as u64;
    erased.blobs = blobs.into_iter().collect();
    Ok(erased)
}

fn memberships(conn: &Connection, erasure: &Erasure) -> rusqlite::Result<Vec<Membership>> {
    let mut find = conn.prepare(&format!(
        "SELECT m.conv, m.role, m.external, NOT EXISTS (SELECT 1 FROM members o \
         WHERE o.conv = m.conv AND o.role <> 1 AND o.id NOT IN \
         (SELECT m.id FROM members m WHERE {MEMBERS})) AS alone FROM members m WHERE {MEMBERS}"
    ))?;
    let found = find.query_map(&whom(erasure), |row| {
        Ok(Membership {
            conv: row.get("conv")?,
            role: row.get("role")?,
            external: row.get("external")?,
            alone: row.get("alone")?,
        })
    })?;
    found.collect()
}

fn whom(erasure: &Erasure) -> [(&'static str, &dyn ToSql); 4] {
    [
        (":realm", &erasure.realm),
        (":person", &erasure.person),
        (":channel", &erasure.channel),
        (":external", &erasure.external),
    ]
}

fn collect_blobs(
    conn: &Connection,
    scope: &[(&str, &dyn ToSql)],
    blobs: &mut BTreeSet<String>,
) -> rusqlite::Result<()> {
    let mut find = conn.prepare_cached(&format!(
        "SELECT e.meta, e.body FROM log e WHERE {ENTRIES} AND e.meta IS NOT NULL"
    ))?;
    let mut found = find.query(scope)?;
    while let Some(row) = found.next()? {
        let meta: String = row.get("meta")?;
        let ours = serde_json::from_str::<Meta>(&meta).is_ok_and(|meta| meta.blobs);
        if ours && let Ok(body) = row.get_ref("body")?.as_blob() {
            blobs.extend(blob_references(body));
        }
    }
    Ok(())
}

/// What stands around the entries: client keys, failed attempts and their causes.
fn clear_around(conn: &Connection, scope: &[(&str, &dyn ToSql)]) -> rusqlite::Result<()> {
    let deliveries = format!(
        "SELECT d.id FROM log e CROSS JOIN deliveries d ON d.id >= e.outbox \
         AND d.id < e.outbox + e.outbox_count AND d.conv = e.conv AND d.seq = e.seq \
         WHERE {ENTRIES}"
    );
    conn.prepare_cached(&format!("DELETE FROM attempts WHERE delivery IN ({deliveries})"))?
        .execute(scope)?;
    conn.prepare_cached(&format!("UPDATE deliveries SET cause = NULL WHERE id IN ({deliveries})"))?
        .execute(scope)?;
    // Those in the index, and those that are not yet.
    let mut find = conn.prepare_cached(&format!(
        "SELECT k.id FROM client_keys k WHERE k.id IN (\
         SELECT key FROM keys WHERE conv = :conv UNION SELECT id FROM client_keys WHERE conv = :conv \
         AND id > (SELECT value FROM meta WHERE name = 'keys_indexed')) \
         AND k.seq IN (SELECT e.seq FROM log e WHERE {ENTRIES})"
    ))?;
    let found = find.query_map(scope, |row| row.get(0).map(Key::Number))?;
    keys::sweep(conn, &found.collect::<Result<Vec<_>, _>>()?)
}

/// Overwrites bodies and metas where they stand, see the table `entries`.
fn clear_entries(conn: &Connection, scope: &[(&str, &dyn ToSql)]) -> rusqlite::Result<u64> {
    let cleared = conn
        .prepare_cached(&format!(
            "UPDATE entries AS e SET body = zeroblob(length(e.body)), \
             meta = CASE WHEN e.meta IS NULL THEN NULL \
             ELSE printf('%*s', octet_length(e.meta), '') END \
             WHERE e.id IN (SELECT e.id FROM log e WHERE {ENTRIES}) \
             AND substr(e.body, 1, 1) NOT IN (x'00', x'')"
        ))?
        .execute(scope)?;
    Ok(cleared as u64)
}

/// The values that tell of conversations in which there was no other user.
fn clear_values(conn: &Connection, erasure: &Erasure, until: i64) -> rusqlite::Result<()> {
    let clear = format!(
        "DELETE FROM states WHERE realm = :realm AND at <= :until AND conversation IN \
         (SELECT c.public FROM members m JOIN conversations c ON c.id = m.conv \
         WHERE {MEMBERS} AND m.role = 0 AND NOT EXISTS (SELECT 1 FROM members o \
         WHERE o.conv = m.conv AND o.role = 0 AND o.id NOT IN \
         (SELECT m.id FROM members m WHERE {MEMBERS})))"
    );
    let [realm, person, channel, external] = whom(erasure);
    let scope: [(&str, &dyn ToSql); 5] = [realm, person, channel, external, (":until", &until)];
    if conn.prepare(&clear)?.execute(&scope)? > 0 {
        // Values change in length as they are written, and so were moved.
        note_rearranged(conn)?;
    }
    Ok(())
}

fn clear_names(conn: &Connection, erasure: &Erasure) -> rusqlite::Result<()> {
    let clear = format!(
        "UPDATE members AS m SET name = printf('%*s', octet_length(m.name), '') \
         WHERE {MEMBERS} AND m.name IS NOT NULL"
    );
    conn.prepare(&clear)?.execute(&whom(erasure))?;
    Ok(())
}

fn note(conn: &Connection, erasure: &Erasure) -> rusqlite::Result<()> {
    conn.execute(
        "INSERT INTO erasures (public, at, realm, person, channel, external) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            erasure.id.as_bytes(),
            erasure.at.as_micros(),
            erasure.realm,
            erasure.person,
            erasure.channel,
            erasure.external,
        ],
    )?;
    Ok(())
}

/// Repeats, within the open transaction, those erasures that the journal does not have.
pub(crate) fn repeat(conn: &Connection, journal: &[Erasure]) -> rusqlite::Result<Erased> {
    let mut all = Erased::default();
    let mut known = conn.prepare("SELECT 1 FROM erasures WHERE public = ?1")?;
    for erasure in journal {
        if known.query_row([erasure.id.as_bytes()], |_| Ok(())).optional()?.is_some() {
            continue;
        }
        let erased = erase(conn, erasure, Some(erasure.at))?;
        all.entries += erased.entries;
        all.conversations += erased.conversations;
        all.blobs.extend(erased.blobs);
    }
    Ok(all)
}

/// Takes the last traces out of the files, after the erasing transaction: copies of rows that
/// moved, and the write-ahead log.
pub(crate) fn scrub(conn: &Connection) -> rusqlite::Result<bool> {
    let rearranged: bool =
        conn.query_row("SELECT value FROM meta WHERE name = 'rearranged'", [], |row| row.get(0))?;
    if rearranged {
        conn.execute_batch("VACUUM; UPDATE meta SET value = 0 WHERE name = 'rearranged';")?;
    }
    checkpoint::truncate(conn)
}

impl Writer {
    /// Erases by the journal's entries; those that the journal has are passed over.
    pub(crate) fn erase(
        &mut self,
        journal: &[Erasure],
        spare_later: bool,
    ) -> Result<Erased, Error> {
        let (erased, keys) = self.alone(|conn| {
            let erased = match journal {
                [one] if !spare_later => erase(conn, one, None),
                many => repeat(conn, many),
            };
            Ok((erased?, Unindexed::load(conn)?))
        })?;
        self.keys = keys;
        self.values.clear();
        let scrubbed = {
            let _turn = self.checkpointer.hold();
            scrub(&self.conn)
        };
        match scrubbed {
            Ok(true) => Ok(erased),
            Ok(false) => Err(Error::Unavailable(
                "the erasure is done, but a long read or a backup keeps old pages in the log: \
                 repeat it later"
                    .into(),
            )),
            Err(error) => Err(self.broken(&error).into()),
        }
    }
}
