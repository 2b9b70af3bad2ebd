//! The statements that most commits need. A batch looks each of them up once, and not for every
//! commit: the look-up costs as much as a tenth of what the statement does.

use std::cell::{RefCell, RefMut};

use rusqlite::{CachedStatement, Connection};

/// A statement that is prepared when it is first needed.
pub(super) struct Prepared<'a> {
    conn: &'a Connection,
    sql: &'static str,
    statement: RefCell<Option<CachedStatement<'a>>>,
}

impl<'a> Prepared<'a> {
    fn new(conn: &'a Connection, sql: &'static str) -> Self {
        Self { conn, sql, statement: RefCell::new(None) }
    }

    /// The statement, for as long as nobody else has it.
    pub(super) fn get(&self) -> rusqlite::Result<RefMut<'_, CachedStatement<'a>>> {
        let mut slot = self.statement.borrow_mut();
        if slot.is_none() {
            *slot = Some(self.conn.prepare_cached(self.sql)?);
        }
        RefMut::filter_map(slot, Option::as_mut).map_err(|_| rusqlite::Error::InvalidQuery)
    }
}

/// One of each, for one batch.
pub(super) struct Statements<'a> {
    pub(super) find_key: Prepared<'a>,
    pub(super) read_key: Prepared<'a>,
    pub(super) add_entry: Prepared<'a>,
    pub(super) add_place: Prepared<'a>,
    pub(super) add_key: Prepared<'a>,
    pub(super) add_commit: Prepared<'a>,
    pub(super) add_delivery: Prepared<'a>,
    pub(super) find_delivery: Prepared<'a>,
    pub(super) settle_delivery: Prepared<'a>,
    pub(super) find_state: Prepared<'a>,
    pub(super) put_state: Prepared<'a>,
    pub(super) update_state: Prepared<'a>,
}

impl<'a> Statements<'a> {
    pub(super) fn new(conn: &'a Connection) -> Self {
        let prepared = |sql| Prepared::new(conn, sql);
        Self {
            find_key: prepared("SELECT key FROM keys WHERE conv = ?1 AND hash = ?2"),
            read_key: prepared(
                "SELECT digest, at, seq, pos, count, hidden FROM client_keys WHERE id = ?1",
            ),
            add_entry: prepared(
                "INSERT INTO entries (conv, seq, pos, at, audience, kind, role, turn, op, target, \
                 folded, outbox, outbox_count, sender, meta, body) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
            ),
            add_place: prepared("INSERT INTO places_recent (conv, seq, entry) VALUES (?1, ?2, ?3)"),
            add_key: prepared(
                "INSERT INTO client_keys (conv, hash, digest, at, seq, pos, count, hidden) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            ),
            add_commit: prepared(
                "INSERT INTO commits (id, realm, conv, at, seq, pos, count, hidden) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            ),
            add_delivery: prepared(
                "INSERT INTO deliveries (public, conv, seq, bot, state, once, replay, attempts, \
                 created_at, due_at) VALUES (?1, ?2, ?3, ?4, 0, ?5, 0, 0, ?6, ?7)",
            ),
            find_delivery: prepared(
                "SELECT id, state FROM deliveries WHERE public = ?1 AND conv = ?2",
            ),
            // Only a success clears the cause; another attempt that says none keeps the last one.
            settle_delivery: prepared(
                "UPDATE deliveries SET state = ?2, attempts = attempts + ?3, \
                 due_at = coalesce(?4, due_at), replay = replay OR ?5, \
                 cause = CASE ?2 WHEN 1 THEN NULL ELSE coalesce(?6, cause) END WHERE id = ?1",
            ),
            find_state: prepared(
                "SELECT version FROM states WHERE realm = ?1 AND scope = ?2 AND key = ?3",
            ),
            // What is indexed is not named among what is set: its index entries then stay untouched.
            update_state: prepared(
                "UPDATE states SET version = version + 1, at = ?4, value = ?6 \
                 WHERE realm = ?1 AND scope = ?2 AND key = ?3 AND until IS ?5 \
                 AND conversation IS ?7 RETURNING version",
            ),
            put_state: prepared(
                "INSERT INTO states (realm, scope, key, version, at, until, value, conversation) \
                 VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE \
                 SET version = version + 1, at = excluded.at, until = excluded.until, \
                 value = excluded.value, conversation = excluded.conversation RETURNING version",
            ),
        }
    }
}
