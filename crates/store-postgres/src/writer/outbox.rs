//! Deliveries within a commit: writing them, who may hand them over, and what came of them.

use maru_activity::Timestamp;
use maru_store::{Change, Commit, Delivery, DeliveryState, DeliveryTo, Route, Settle, Settlement};

use super::batch::{AttemptRow, Batch, Conv, Fate, Key, Parcel};

impl<'a> Batch<'a> {
    /// Writes the deliveries of the entries to come, and takes the lease that they are handed over
    /// under. `older` says whether others of the conversation are still open.
    pub(super) fn write_deliveries(
        &mut self,
        conv: &mut Conv,
        commit: &Commit,
        change: &Change,
        older: bool,
    ) -> Vec<Delivery> {
        let route = conv.known.head.route.clone();
        let mut written: Vec<Delivery> = Vec::with_capacity(change.deliveries.len());
        let mut numbers = vec![0_i32; change.entries.len()];
        for new in &change.deliveries {
            let bot = match (&new.to, &route) {
                (DeliveryTo::Bot(bot), _) | (DeliveryTo::Route, Route::Bot(bot)) => bot.clone(),
                (DeliveryTo::Route, _) => continue,
            };
            if written.is_empty() {
                self.lease(conv, older);
            }
            let Some(number) = numbers.get_mut(new.entry) else { continue };
            let delivery = Delivery {
                id: new.id,
                realm: commit.realm.clone(),
                conversation: change.id.clone(),
                seq: conv.known.head.next_seq + new.entry as u64,
                bot,
                state: DeliveryState::Open,
                once: new.once,
                replay: false,
                attempts: 0,
                created_at: commit.at,
                due_at: new.due_at,
                cause: None,
                lease: conv.known.lease_epoch,
            };
            self.written_at += 1;
            written.push(delivery.clone());
            conv.outbox.push(Parcel {
                delivery,
                number: *number,
                first: false,
                written_at: self.written_at,
                fate: Fate::New,
            });
            *number += 1;
        }
        conv.known.head.open += written.len() as u64;
        if !older && !written.is_empty() {
            mark_first(conv);
        }
        written
    }

    /// Takes a conversation's lease for this process, if it may have it. Another process that is
    /// alive keeps it for as long as it has something to hand over.
    fn lease(&self, conv: &mut Conv, older: bool) {
        let Some(node) = self.node else { return };
        let known = &mut conv.known;
        match known.lease_owner {
            Some(owner) if owner == node => {}
            Some(owner) if older && self.live.contains(&owner) => {}
            _ => {
                known.lease_owner = Some(node);
                known.lease_epoch += 1;
            }
        }
    }

    /// Notes what came of a delivery. One that is not in the state for it is passed over: it was
    /// settled before.
    pub(super) fn settle(
        &mut self,
        conv: &mut Conv,
        key: &Key,
        settlement: &'a Settlement,
        now: Timestamp,
    ) {
        let wanted = match settlement.settle {
            Settle::Replay => DeliveryState::Dead,
            Settle::Settled | Settle::Retry(_) | Settle::Dead(_) => DeliveryState::Open,
        };
        let found = conv.outbox.iter_mut().find(|p| p.delivery.id == settlement.delivery);
        let Some(parcel) = found.filter(|parcel| parcel.delivery.state == wanted) else { return };
        let delivery = &mut parcel.delivery;
        let failed = settlement.attempt.as_ref().and_then(|attempt| attempt.failed.as_ref());
        delivery.attempts += u32::from(settlement.attempt.is_some());
        if let Some(record) = failed {
            let made = i32::try_from(delivery.attempts).unwrap_or(i32::MAX);
            let (key, delivery) = (key.clone(), delivery.id.0);
            self.attempts.push(AttemptRow { key, delivery, made, record });
        }
        let due_at = match &settlement.settle {
            Settle::Settled => {
                delivery.state = DeliveryState::Settled;
                // Only a success clears it; another attempt that says none keeps the last one.
                delivery.cause = None;
                None
            }
            Settle::Retry(at) => {
                delivery.cause = failed.map(|r| r.cause.clone()).or(delivery.cause.take());
                Some(*at)
            }
            Settle::Dead(cause) => {
                delivery.state = DeliveryState::Dead;
                delivery.cause = Some(cause.clone());
                None
            }
            Settle::Replay => {
                delivery.state = DeliveryState::Open;
                delivery.replay = true;
                Some(now)
            }
        };
        if let Some(due_at) = due_at {
            delivery.due_at = due_at;
        }
        parcel.fate.change();
        match (wanted, parcel.delivery.state) {
            (DeliveryState::Open, DeliveryState::Settled | DeliveryState::Dead) => {
                conv.known.head.open = conv.known.head.open.saturating_sub(1);
            }
            (DeliveryState::Dead, DeliveryState::Open) => conv.known.head.open += 1,
            _ => {}
        }
        mark_first(conv);
    }
}

/// Marks the oldest open delivery of a conversation as the one that may go, and no other.
///
/// Called when all that are open are known, or the oldest of them: after a settlement, and when
/// nothing was open before.
fn mark_first(conv: &mut Conv) {
    let first = conv.oldest_open().map(|parcel| parcel.delivery.id);
    for parcel in &mut conv.outbox {
        let is_first = Some(parcel.delivery.id) == first;
        if parcel.first != is_first {
            parcel.first = is_first;
            parcel.fate.change();
        }
    }
}
