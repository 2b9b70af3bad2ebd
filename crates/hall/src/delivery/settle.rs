//! What came of an attempt, as a commit.

use std::sync::Arc;

use maru_activity::Role;
use maru_store::{
    Attempt, AttemptRecord, Change, Delivery, NewEntry, Op, Settle, Settlement, Turn,
};

use super::watched::keep_result;
use crate::applying::SETTLE_PATIENCE;
use crate::known::Known;
use crate::{Delivered, Error, Hall, Outcome, Said};

impl Hall {
    /// Commits what came of an attempt, together with what the bot said in its answer. Gives the
    /// conversation's next open delivery.
    pub(super) async fn settle(
        &self,
        known: &Arc<Known>,
        delivery: &Delivery,
        settle: Settle,
        record: Option<AttemptRecord>,
        outcome: Outcome,
    ) -> Option<Delivery> {
        let mut change = Change::to(delivery.conversation.clone());
        change.expect.lease_epoch = Some(delivery.lease);
        let (said, result) = match outcome {
            Outcome::Taken { answers, result } => (answers, Ok(result)),
            failed => (Vec::new(), Err(failed)),
        };
        let turn = known.turn().map_or(Turn::None, Turn::Of);
        change.entries = said.into_iter().map(|said| answer(delivery, said, turn)).collect();
        change.settlements.push(Settlement {
            delivery: delivery.id,
            attempt: Some(Attempt { failed: record }),
            settle: settle.clone(),
        });
        let mut commit = self.commit_of(&delivery.realm, change);
        if let Ok(Some(result)) = &result
            && self.inner.store.is_shared()
        {
            commit.states.push(keep_result(self, delivery.id, result));
        }
        let receipt = match self.apply_commit(known, commit, SETTLE_PATIENCE).await {
            Ok(receipt) => receipt,
            Err(Error::Conflict(_)) => {
                // What that process made of it counts, for whoever watches too.
                tracing::info!(delivery.id = %delivery.id, "taken over by another process");
                self.inner.deliveries.lose(delivery.id);
                return None;
            }
            Err(error) => {
                // It stays open, and is handed over again under the same id.
                tracing::error!(delivery.id = %delivery.id, %error, "not settled");
                return None;
            }
        };
        self.note_settled(delivery, &settle);
        if !matches!(settle, Settle::Retry(_)) {
            let delivered = match result {
                Ok(result) => Delivered::Taken(result),
                Err(Outcome::TimedOut) => Delivered::TimedOut,
                Err(failed) => Delivered::Failed(failed.status()),
            };
            self.inner.deliveries.tell_watcher(delivery.id, delivered);
        }
        receipt.next
    }

    fn note_settled(&self, delivery: &Delivery, settle: &Settle) {
        match settle {
            Settle::Retry(at) => {
                self.inner.metrics.retries.inc();
                self.inner.deliveries.wake_at(*at);
            }
            Settle::Dead(cause) => {
                self.inner.metrics.dead_letters.inc();
                tracing::warn!(
                    delivery.id = %delivery.id, conversation.id = %delivery.conversation,
                    bot.id = %delivery.bot, cause, "dead letter"
                );
            }
            Settle::Settled | Settle::Replay => {}
        }
    }
}

/// What a bot said in its answer, as an entry.
fn answer(delivery: &Delivery, said: Said, turn: Turn) -> NewEntry {
    let kind = said.activity.kind;
    NewEntry {
        audience: crate::posting::audience(&kind),
        kind,
        role: Role::Bot,
        sender: delivery.bot.as_str().into(),
        turn,
        op: Op::Say,
        body: said.activity.body,
        meta: said.meta,
    }
}
