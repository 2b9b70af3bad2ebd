//! Importing: records become rows, one function a table. What is there already stays.

use std::collections::{HashMap, HashSet};
use std::mem;

use maru_activity::{ConversationId, RealmId, Timestamp};
use maru_store::Error;
use maru_store::archive::{
    ClientKeyRecord, ConversationRecord, DeliveryRecord, EntryRecord, ErasureRecord, MemberRecord,
    Record, StateRecord, TimerRecord,
};
use rusqlite::{Connection, OptionalExtension, params};

use super::check::digest_column;
use super::keep::note_rearranged;
use super::{Recent, Writer, keys};
use crate::rows::{
    KindColumn, audience_code, folded_column, int, meta_column, op_code, role_code, state_code,
};

impl Writer {
    /// Takes records in, in one transaction.
    pub(crate) fn import(&mut self, records: &[Record]) -> Result<(), Error> {
        if !records.iter().all(Record::is_sound) {
            return Err(Error::Unsound("a record contradicts itself"));
        }
        // Begun anew after a failure, as after any other rollback.
        let mut places = mem::replace(&mut self.places, Recent::new());
        let keys = mem::take(&mut self.keys);
        let known = self.alone(|conn| {
            if !all_known(conn, records)? {
                return Ok(false);
            }
            // Imported keys go into the index at once, since there may be millions; then so do these.
            keys.move_all(conn)?;
            let mut import = Import { conn, numbers: HashMap::new(), entries: 0 };
            for record in records {
                import.record(record)?;
            }
            places.added(conn, import.entries)?;
            keys::all_indexed(conn)?;
            Ok(true)
        });
        if !matches!(known, Ok(true)) {
            self.keys = keys;
        }
        let known = known?;
        self.places = places;
        if !known {
            return Err(Error::UnknownConversation);
        }
        for (_, id) in records.iter().filter_map(conversation_of) {
            self.heads.forget(id);
        }
        self.values.clear();
        Ok(())
    }
}

/// The conversation that a record is about, or is, with its realm.
fn conversation_of(record: &Record) -> Option<(&RealmId, &ConversationId)> {
    match record {
        Record::Conversation(conversation) => Some((&conversation.realm, &conversation.id)),
        Record::Member(member) => Some((&member.realm, &member.conversation)),
        Record::Entry(entry) => Some((&entry.realm, &entry.conversation)),
        Record::Delivery(delivery) => Some((&delivery.realm, &delivery.conversation)),
        Record::ClientKey(key) => Some((&key.realm, &key.conversation)),
        Record::State(_) | Record::Timer(_) | Record::Erasure(_) | Record::RestoreEpoch(_) => None,
    }
}

/// Whether every conversation that the records speak of is there or comes with them. Asked before
/// anything is written.
fn all_known(conn: &Connection, records: &[Record]) -> rusqlite::Result<bool> {
    let mut find =
        conn.prepare_cached("SELECT 1 FROM conversations WHERE public = ?1 AND realm = ?2")?;
    let mut known = HashSet::new();
    for record in records {
        let Some((realm, id)) = conversation_of(record) else { continue };
        if !known.insert((realm, id)) || matches!(record, Record::Conversation(_)) {
            continue;
        }
        if !find.exists([id.as_str(), realm.as_str()])? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Records on their way into the tables, within the open transaction.
struct Import<'a> {
    conn: &'a Connection,
    /// Conversations' numbers in the database.
    numbers: HashMap<ConversationId, i64>,
    /// How many entries were written.
    entries: u64,
}

impl Import<'_> {
    fn record(&mut self, record: &Record) -> rusqlite::Result<()> {
        match record {
            Record::Conversation(conversation) => self.conversation(conversation),
            Record::Member(member) => self.member(member),
            Record::Entry(entry) => self.entry(entry),
            Record::Delivery(delivery) => self.delivery(delivery),
            Record::ClientKey(key) => self.client_key(key),
            Record::State(state) => self.state(state),
            Record::Timer(timer) => self.timer(timer),
            Record::Erasure(erasure) => self.erasure(erasure),
            Record::RestoreEpoch(epoch) => {
                self.conn.execute(
                    "UPDATE meta SET value = max(value, ?1) WHERE name = 'restore_epoch'",
                    [epoch],
                )?;
                Ok(())
            }
        }
    }

    fn number(&mut self, id: &ConversationId) -> rusqlite::Result<i64> {
        if let Some(number) = self.numbers.get(id) {
            return Ok(*number);
        }
        let mut find =
            self.conn.prepare_cached("SELECT id FROM conversations WHERE public = ?1")?;
        let number = find.query_row([id.as_str()], |row| row.get(0))?;
        self.numbers.insert(id.clone(), number);
        Ok(number)
    }

    /// Where the log stands is kept as after retention: behind entries that have yet to come.
    fn conversation(&self, record: &ConversationRecord) -> rusqlite::Result<()> {
        let mut insert = self.conn.prepare_cached(
            "INSERT INTO conversations (public, realm, channel, channel_kind, bot, opened_at, \
             route, route_epoch, base_seq, base_pos, base_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO NOTHING",
        )?;
        insert.execute(params![
            record.id.as_str(),
            record.realm.as_str(),
            record.channel.as_str(),
            record.channel_kind,
            record.bot.as_str(),
            record.opened_at.as_micros(),
            record.route.to_string(),
            int(record.route_epoch),
            int(record.next_seq),
            int(record.next_pos),
            record.last_at.as_micros(),
        ])?;
        Ok(())
    }

    fn member(&mut self, record: &MemberRecord) -> rusqlite::Result<()> {
        let conv = self.number(&record.conversation)?;
        let mut insert = self.conn.prepare_cached(
            "INSERT INTO members \
             (conv, role, external, realm, channel, name, spelled, verified, person) \
             SELECT id, ?2, ?3, realm, channel, ?4, ?5, ?6, ?7 FROM conversations WHERE id = ?1 \
             ON CONFLICT DO NOTHING",
        )?;
        insert.execute(params![
            conv,
            role_code(record.role),
            record.external,
            record.name,
            record.spelled,
            record.verified,
            record.person.as_str(),
        ])?;
        Ok(())
    }

    fn entry(&mut self, record: &EntryRecord) -> rusqlite::Result<()> {
        let (conv, seq) = (self.number(&record.conversation)?, int(record.seq));
        let mut find =
            self.conn.prepare_cached("SELECT 1 FROM placed WHERE conv = ?1 AND seq = ?2")?;
        if find.exists([conv, seq])? {
            return Ok(());
        }
        let (op, target) = op_code(record.op);
        let mut insert = self.conn.prepare_cached(
            "INSERT INTO entries (conv, seq, pos, at, audience, kind, role, turn, op, target, \
             folded, sender, meta, body) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?;
        let row = insert.insert(params![
            conv,
            seq,
            int(record.pos),
            record.at.as_micros(),
            audience_code(record.audience),
            KindColumn(&record.kind),
            role_code(record.role),
            record.turn.map(int),
            op,
            target,
            folded_column(record.folded),
            &*record.sender,
            meta_column(&record.meta)?,
            &*record.body,
        ])?;
        let mut place = self
            .conn
            .prepare_cached("INSERT INTO places_recent (conv, seq, entry) VALUES (?1, ?2, ?3)")?;
        place.execute([conv, seq, row])?;
        self.entries += 1;
        Ok(())
    }

    fn delivery(&mut self, record: &DeliveryRecord) -> rusqlite::Result<()> {
        let (conv, seq) = (self.number(&record.conversation)?, int(record.seq));
        let mut insert = self.conn.prepare_cached(
            "INSERT INTO deliveries (public, conv, seq, bot, state, once, replay, attempts, \
             created_at, due_at, cause) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
             ON CONFLICT DO NOTHING RETURNING id",
        )?;
        let values = params![
            record.id.0.as_bytes(),
            conv,
            seq,
            record.bot.as_str(),
            state_code(record.state),
            record.once,
            record.replay,
            record.attempts,
            record.created_at.as_micros(),
            record.due_at.as_micros(),
            record.cause,
        ];
        let row: Option<i64> = insert.query_row(values, |row| row.get(0)).optional()?;
        let Some(row) = row else { return Ok(()) };
        let mut attempt = self.conn.prepare_cached(
            "INSERT INTO attempts (delivery, number, at, took_ms, outcome, cause) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        for failed in &record.failed {
            let at = failed.at.as_micros();
            let (number, took_ms) = (failed.number, int(failed.took_ms));
            attempt.execute(params![row, number, at, took_ms, failed.outcome, failed.cause])?;
        }
        // Should another entry's deliveries have come in between, they are told apart by place.
        let mut point = self.conn.prepare_cached(
            "UPDATE entries SET outbox = coalesce(outbox, ?3), \
             outbox_count = ?3 - coalesce(outbox, ?3) + 1 \
             WHERE id = (SELECT entry FROM placed WHERE conv = ?1 AND seq = ?2)",
        )?;
        point.execute([conv, seq, row])?;
        // The entry's row grew, and may have moved.
        note_rearranged(self.conn)
    }

    fn client_key(&mut self, record: &ClientKeyRecord) -> rusqlite::Result<()> {
        let conv = self.number(&record.conversation)?;
        let mut find =
            self.conn.prepare_cached("SELECT 1 FROM keys WHERE conv = ?1 AND hash = ?2")?;
        if find.exists(params![conv, record.hash])? {
            return Ok(());
        }
        let flag = |index: u64| u8::from(record.hidden.contains(&index));
        let hidden: Option<Vec<u8>> =
            (!record.hidden.is_empty()).then(|| (0..record.count).map(flag).collect());
        let mut insert = self.conn.prepare_cached(
            "INSERT INTO client_keys (conv, hash, digest, at, seq, pos, count, hidden) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?;
        let row = insert.insert(params![
            conv,
            record.hash,
            digest_column(record.digest),
            record.at.as_micros(),
            int(record.seq),
            int(record.pos),
            int(record.count),
            hidden,
        ])?;
        let mut place =
            self.conn.prepare_cached("INSERT INTO keys (conv, hash, key) VALUES (?1, ?2, ?3)")?;
        place.execute(params![conv, record.hash, row])?;
        Ok(())
    }

    fn state(&self, record: &StateRecord) -> rusqlite::Result<()> {
        let mut insert = self.conn.prepare_cached(
            "INSERT INTO states (realm, scope, key, version, at, until, value, conversation) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
        )?;
        insert.execute(params![
            record.realm.as_str(),
            record.scope,
            record.key,
            int(record.version),
            record.at.as_micros(),
            record.until.map(Timestamp::as_micros),
            &*record.value,
            record.about.as_ref().map(ConversationId::as_str),
        ])?;
        Ok(())
    }

    fn timer(&self, record: &TimerRecord) -> rusqlite::Result<()> {
        let mut insert = self.conn.prepare_cached(
            "INSERT INTO timers (realm, scope, key, due_at, value) \
             VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
        )?;
        let (realm, due_at) = (record.realm.as_str(), record.due_at.as_micros());
        insert.execute(params![realm, record.scope, record.key, due_at, &*record.value])?;
        Ok(())
    }

    fn erasure(&self, record: &ErasureRecord) -> rusqlite::Result<()> {
        let mut insert = self.conn.prepare_cached(
            "INSERT INTO erasures (public, at, realm, person, channel, external) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
        )?;
        insert.execute(params![
            record.id.as_bytes(),
            record.at.as_micros(),
            record.realm.as_str(),
            record.person.as_ref().map(|person| person.as_str()),
            record.channel.as_ref().map(|channel| channel.as_str()),
            record.external,
        ])?;
        Ok(())
    }
}
