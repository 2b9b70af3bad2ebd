//! The second half of a commit: doing what was found to be sound.

use maru_activity::{ConversationId, Timestamp};
use maru_store::{
    Change, Commit, Member, NewEntry, Op, Places, Receipt, Route, StateWrite, TimerWrite, Turn,
};
use rusqlite::{OptionalExtension, Row, params};

use super::Batch;
use super::check::{NO_ROUTE, digest_column, record};
use crate::heads::Known;
use crate::rows::{
    self, KindColumn, audience_code, folded_column, int, meta_column, op_code, role_code,
};
use crate::values::{Name, Value};

impl Batch<'_> {
    /// Applies a commit. `known` is its conversation, unless it opens one or is about none.
    pub(super) fn apply(
        &mut self,
        commit: &Commit,
        known: Option<Known>,
    ) -> rusqlite::Result<Receipt> {
        for write in &commit.states {
            self.write_state(commit, write)?;
        }
        for write in &commit.timers {
            self.write_timer(commit, write)?;
        }
        let Some(change) = &commit.conversation else {
            let places = Places::new((0, 0), commit.at, std::iter::empty());
            self.note_commit(commit, None, &places)?;
            let (route, route_epoch) = NO_ROUTE;
            return Ok(Receipt {
                entries: Vec::new(),
                repeated: false,
                differs: false,
                deliveries: Vec::new(),
                behind: false,
                leased: true,
                next: None,
                route,
                route_epoch,
            });
        };
        let mut known = match known {
            Some(known) => self.reroute(known, change)?,
            None => self.open(commit, change)?,
        };
        let receipt = self.change(commit, change, &mut known)?;
        self.wrote.entries += change.entries.len() as u64;
        self.wrote.heads.insert(change.id.clone(), known);
        Ok(receipt)
    }

    fn open(&self, commit: &Commit, change: &Change) -> rusqlite::Result<Known> {
        // Checked before: without a conversation the change opens one.
        let record = record(commit, change).ok_or(rusqlite::Error::InvalidQuery)?;
        let route = change.route.clone().unwrap_or_else(|| Route::Bot(record.bot.clone()));
        let mut insert = self.conn.prepare_cached(
            "INSERT INTO conversations \
             (public, realm, channel, channel_kind, bot, opened_at, route, base_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?6)",
        )?;
        let conv = insert.insert(params![
            record.id.as_str(),
            record.realm.as_str(),
            record.channel.as_str(),
            record.channel_kind,
            record.bot.as_str(),
            record.opened_at.as_micros(),
            route.to_string(),
        ])?;
        Ok(Known::opened(conv, record, route))
    }

    fn reroute(&self, mut known: Known, change: &Change) -> rusqlite::Result<Known> {
        if let Some(route) = &change.route {
            known.head.route = route.clone();
            known.head.route_epoch += 1;
            let mut update = self.conn.prepare_cached(
                "UPDATE conversations SET route = ?2, route_epoch = ?3 WHERE id = ?1",
            )?;
            let epoch = int(known.head.route_epoch);
            update.execute(params![known.conv, route.to_string(), epoch])?;
        }
        Ok(known)
    }

    fn change(
        &mut self,
        commit: &Commit,
        change: &Change,
        known: &mut Known,
    ) -> rusqlite::Result<Receipt> {
        let at = commit.at.max(known.head.last_at);
        for settlement in &change.settlements {
            self.settle(settlement, commit.at, known)?;
        }
        // Those still open now are older than those that this commit writes.
        let older = known.head.open > 0;
        let audiences = change.entries.iter().map(|entry| entry.audience);
        let places = Places::new((known.head.next_seq, known.head.next_pos), at, audiences);
        let (deliveries, outbox) = self.write_deliveries(commit, change, known)?;
        for (entry, outbox) in change.entries.iter().zip(outbox) {
            self.append(known, entry, at, outbox)?;
        }
        for member in &change.members {
            self.note_member(known, member)?;
        }
        if let Some(key) = &change.client_key {
            self.note_key(known.conv, key.hash(&change.id), key.digest, &places)?;
        }
        self.note_commit(commit, Some(known.conv), &places)?;
        let next = match change.settlements.is_empty() {
            true => None,
            false => crate::read::outbox::oldest_open(self.conn, known.conv)?,
        };
        Ok(Receipt {
            entries: places.placed(),
            repeated: false,
            differs: false,
            behind: older && !deliveries.is_empty(),
            leased: true,
            deliveries,
            next,
            route: known.head.route.clone(),
            route_epoch: known.head.route_epoch,
        })
    }

    fn append(
        &self,
        known: &mut Known,
        entry: &NewEntry,
        at: Timestamp,
        (outbox, outbox_count): (Option<i64>, Option<i64>),
    ) -> rusqlite::Result<()> {
        let seq = known.head.next_seq;
        let turn = match entry.turn {
            Turn::None => None,
            Turn::Begins => Some(int(seq)),
            Turn::Of(turn) => Some(int(turn)),
        };
        let (op, target) = op_code(entry.op);
        let row = self.statements.add_entry.get()?.insert(params![
            known.conv,
            int(seq),
            int(known.head.next_pos),
            at.as_micros(),
            audience_code(entry.audience),
            KindColumn(&entry.kind),
            role_code(entry.role),
            turn,
            op,
            target,
            folded_column(None),
            outbox,
            outbox_count,
            &*entry.sender,
            meta_column(&entry.meta)?,
            &*entry.body,
        ])?;
        self.statements.add_place.get()?.execute(params![known.conv, int(seq), row])?;
        if let Op::Update(target) | Op::Delete(target) = entry.op {
            let mut fold = self.conn.prepare_cached(
                "UPDATE entries SET folded = ?3 \
                 WHERE id = (SELECT entry FROM placed WHERE conv = ?1 AND seq = ?2)",
            )?;
            fold.execute(params![known.conv, int(target), folded_column(Some(seq))])?;
        }
        known.append(entry.audience);
        known.head.last_at = at;
        Ok(())
    }

    /// Most posts bring a member along who is known already: then nothing is written.
    fn note_member(&self, known: &Known, member: &Member) -> rusqlite::Result<()> {
        let (role, account) = (role_code(member.role), &member.account);
        let mut find = self.conn.prepare_cached(
            "SELECT id, name IS ?4 AND spelled IS ?5 AND verified = ?6 FROM members \
             WHERE conv = ?1 AND role = ?2 AND external = ?3",
        )?;
        let values =
            params![known.conv, role, account.id, account.name, account.role, member.verified];
        let found = find
            .query_row(values, |row| Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?)))
            .optional()?;
        match found {
            Some((_, true)) => Ok(()),
            Some((id, false)) => {
                self.conn.execute(
                    "UPDATE members SET name = ?2, spelled = ?3, verified = ?4 WHERE id = ?1",
                    params![id, account.name, account.role, member.verified],
                )?;
                super::keep::note_rearranged(self.conn)
            }
            None => self.add_member(known, member),
        }
    }

    fn add_member(&self, known: &Known, member: &Member) -> rusqlite::Result<()> {
        let (record, external) = (&known.record, &member.account.id);
        // Whoever was linked to a person stays it in their next conversation.
        let mut find = self.conn.prepare_cached(
            "SELECT person FROM members WHERE realm = ?1 AND channel = ?2 AND external = ?3 \
             AND role = ?4 ORDER BY id DESC LIMIT 1",
        )?;
        let role = role_code(member.role);
        let person: Option<String> = find
            .query_row(
                params![record.realm.as_str(), record.channel.as_str(), external, role],
                |row| row.get(0),
            )
            .optional()?;
        let person = person
            .unwrap_or_else(|| Member::person_of(&record.channel, external).as_str().to_owned());
        let mut insert = self.conn.prepare_cached(
            "INSERT INTO members \
             (conv, role, external, realm, channel, name, spelled, verified, person) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?;
        insert.execute(params![
            known.conv,
            role,
            external,
            record.realm.as_str(),
            record.channel.as_str(),
            member.account.name,
            member.account.role,
            member.verified,
            person,
        ])?;
        Ok(())
    }

    fn note_key(
        &mut self,
        conv: i64,
        hash: [u8; 16],
        digest: u64,
        places: &Places,
    ) -> rusqlite::Result<()> {
        let row = self.statements.add_key.get()?.insert(params![
            conv,
            hash,
            digest_column(digest),
            places.at.as_micros(),
            int(places.seq),
            int(places.pos),
            int(places.count),
            places.hidden,
        ])?;
        self.wrote.keys.insert((conv, hash), row);
        Ok(())
    }

    fn note_commit(
        &self,
        commit: &Commit,
        conv: Option<i64>,
        places: &Places,
    ) -> rusqlite::Result<()> {
        let realm = conv.is_none().then_some(commit.realm.as_str());
        self.statements.add_commit.get()?.execute(params![
            commit.id.0.as_bytes(),
            realm,
            conv,
            places.at.as_micros(),
            int(places.seq),
            int(places.pos),
            int(places.count),
            places.hidden,
        ])?;
        Ok(())
    }

    fn write_state(&mut self, commit: &Commit, write: &StateWrite) -> rusqlite::Result<()> {
        let realm = commit.realm.as_str();
        let written = match &write.value {
            Some(value) => {
                let (at, until) = (commit.at.as_micros(), write.until.map(Timestamp::as_micros));
                let about = write.about.as_ref().map(ConversationId::as_str);
                let values = params![realm, write.scope, write.key, at, until, &**value, about];
                let version = |row: &Row<'_>| rows::uint(row, "version");
                // Most values that are written are there, and tell of the same as before.
                let updated = match write.expect {
                    Some(1..) => {
                        let mut update = self.statements.update_state.get()?;
                        update.query_row(values, version).optional()?
                    }
                    _ => None,
                };
                let version = match updated {
                    Some(version) => version,
                    None => self.statements.put_state.get()?.query_row(values, version)?,
                };
                Some(Value { version, at: commit.at, value: value.clone() })
            }
            None => {
                let mut delete = self.conn.prepare_cached(
                    "DELETE FROM states WHERE realm = ?1 AND scope = ?2 AND key = ?3",
                )?;
                delete.execute(params![realm, write.scope, write.key])?;
                None
            }
        };
        self.wrote.values.insert(Name::of(&commit.realm, &write.scope, &write.key), written);
        Ok(())
    }

    fn write_timer(&self, commit: &Commit, write: &TimerWrite) -> rusqlite::Result<()> {
        let realm = commit.realm.as_str();
        match &write.set {
            Some((due_at, value)) => {
                let mut put = self.conn.prepare_cached(
                    "INSERT INTO timers (realm, scope, key, due_at, value) \
                     VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE \
                     SET due_at = excluded.due_at, value = excluded.value",
                )?;
                let due_at = due_at.as_micros();
                put.execute(params![realm, write.scope, write.key, due_at, &**value])?;
            }
            None => {
                let mut clear = self.conn.prepare_cached(
                    "DELETE FROM timers WHERE realm = ?1 AND scope = ?2 AND key = ?3",
                )?;
                clear.execute(params![realm, write.scope, write.key])?;
            }
        }
        Ok(())
    }
}
