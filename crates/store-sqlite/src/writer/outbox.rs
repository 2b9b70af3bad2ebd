//! Deliveries within a commit: writing them, and what came of them.

use maru_activity::Timestamp;
use maru_store::{
    AttemptRecord, Change, Commit, Delivery, DeliveryState, DeliveryTo, Route, Settle, Settlement,
};
use rusqlite::{OptionalExtension, params};

use super::Batch;
use crate::heads::Known;
use crate::rows::{self, int, state_code};

/// An entry's deliveries in the columns of its row: the first one's id, and how many.
type Outbox = (Option<i64>, Option<i64>);

impl Batch<'_> {
    /// Writes the deliveries of the entries to come. Gives them in the commit's order, and for each
    /// entry where its deliveries are.
    pub(super) fn write_deliveries(
        &self,
        commit: &Commit,
        change: &Change,
        known: &mut Known,
    ) -> rusqlite::Result<(Vec<Delivery>, Vec<Outbox>)> {
        let mut outbox = vec![(None, None); change.entries.len()];
        let mut written = Vec::with_capacity(change.deliveries.len());
        let mut order: Vec<usize> = (0..change.deliveries.len()).collect();
        // An entry's deliveries follow each other, so that its row can say where they are.
        order.sort_by_key(|index| change.deliveries[*index].entry);
        for index in order {
            let new = &change.deliveries[index];
            let bot = match (&new.to, &known.head.route) {
                (DeliveryTo::Bot(bot), _) | (DeliveryTo::Route, Route::Bot(bot)) => bot.clone(),
                (DeliveryTo::Route, _) => continue,
            };
            let seq = known.head.next_seq + new.entry as u64;
            let row = self.statements.add_delivery.get()?.insert(params![
                new.id.0.as_bytes(),
                known.conv,
                int(seq),
                bot.as_str(),
                new.once,
                commit.at.as_micros(),
                new.due_at.as_micros(),
            ])?;
            let (first, count) = &mut outbox[new.entry];
            first.get_or_insert(row);
            *count = Some(count.unwrap_or(0) + 1);
            let delivery = Delivery {
                id: new.id,
                realm: commit.realm.clone(),
                conversation: change.id.clone(),
                seq,
                bot,
                state: DeliveryState::Open,
                once: new.once,
                replay: false,
                attempts: 0,
                created_at: commit.at,
                due_at: new.due_at,
                cause: None,
                lease: known.lease_epoch,
            };
            written.push((index, delivery));
        }
        known.head.open += written.len() as u64;
        written.sort_by_key(|(index, _)| *index);
        Ok((written.into_iter().map(|(_, delivery)| delivery).collect(), outbox))
    }

    /// Notes what came of a delivery. One that is not in the state for it is passed over: it was
    /// settled before.
    pub(super) fn settle(
        &self,
        settlement: &Settlement,
        now: Timestamp,
        known: &mut Known,
    ) -> rusqlite::Result<()> {
        let mut find = self.statements.find_delivery.get()?;
        let found = find
            .query_row(params![settlement.delivery.0.as_bytes(), known.conv], |row| {
                Ok((row.get::<_, i64>("id")?, rows::delivery_state(row)?))
            })
            .optional()?;
        let wanted = match settlement.settle {
            Settle::Replay => DeliveryState::Dead,
            Settle::Settled | Settle::Retry(_) | Settle::Dead(_) => DeliveryState::Open,
        };
        let Some((row, _)) = found.filter(|(_, state)| *state == wanted) else { return Ok(()) };
        let failed = settlement.attempt.as_ref().and_then(|attempt| attempt.failed.as_ref());
        if let Some(record) = failed {
            self.note_attempt(row, record)?;
        }
        let made = i64::from(settlement.attempt.is_some());
        let cause = failed.map(|record| record.cause.as_str());
        let (state, due_at, cause) = match &settlement.settle {
            Settle::Settled => (DeliveryState::Settled, None, None),
            Settle::Retry(at) => (DeliveryState::Open, Some(*at), cause),
            Settle::Dead(cause) => (DeliveryState::Dead, None, Some(cause.as_str())),
            Settle::Replay => (DeliveryState::Open, Some(now), None),
        };
        let replay = settlement.settle == Settle::Replay;
        let mut update = self.statements.settle_delivery.get()?;
        let due_at = due_at.map(Timestamp::as_micros);
        update.execute(params![row, state_code(state), made, due_at, replay, cause])?;
        match (wanted, state) {
            (DeliveryState::Open, DeliveryState::Settled | DeliveryState::Dead) => {
                known.head.open = known.head.open.saturating_sub(1);
            }
            (DeliveryState::Dead, DeliveryState::Open) => known.head.open += 1,
            _ => {}
        }
        Ok(())
    }

    fn note_attempt(&self, delivery: i64, record: &AttemptRecord) -> rusqlite::Result<()> {
        let mut insert = self.conn.prepare_cached(
            "INSERT INTO attempts (delivery, number, at, took_ms, outcome, cause) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        insert.execute(params![
            delivery,
            record.number,
            record.at.as_micros(),
            int(record.took_ms),
            record.outcome,
            record.cause,
        ])?;
        Ok(())
    }
}
