//! One conversation's deliveries, one after the other, for as long as there are any.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::FutureExt as _;
use maru_activity::{Role, Seq, Viewer};
use maru_store::{AttemptRecord, Delivery, DeliveryState, Entry, Place, Settle};
use tokio::time::Instant;

use super::BotRuntime;
use super::circuit::Turned;
use super::retry::{self, decide};
use crate::directory::BotEntry;
use crate::known::Known;
use crate::{Hall, Handed, Outcome};

/// What an attempt came to.
struct Attempted {
    outcome: Outcome,
    record: Option<AttemptRecord>,
}

impl Hall {
    /// Hands a delivery over that nothing older stands before. Called by whoever committed it.
    pub(crate) fn hand_over(&self, known: &Arc<Known>, delivery: Delivery, entry: Option<Entry>) {
        if self.inner.stopping.is_cancelled() || !self.inner.deliveries.hold(delivery.id) {
            return;
        }
        let (hall, known) = (self.clone(), Arc::clone(known));
        self.inner.tasks.spawn(async move { hall.run(&known, delivery, entry).await });
    }

    /// Hands over what the worker found in the store. It may have been settled since it was read,
    /// so it is looked at once more now that this task holds it.
    pub(super) async fn pick_up(&self, found: Delivery) {
        let deliveries = &self.inner.deliveries;
        let known = self.known(&found.realm, &found.conversation).await;
        let fresh = self.inner.store.delivery(&found.realm, found.id).await;
        match (known, fresh) {
            (Ok(Some(known)), Ok(Some(fresh)))
                if fresh.state == DeliveryState::Open
                    && fresh.attempts == found.attempts
                    && fresh.lease == found.lease =>
            {
                self.run(&known, fresh, None).await;
            }
            (Err(error), _) => {
                tracing::warn!(delivery.id = %found.id, %error, "could not be picked up");
                deliveries.release(found.id);
            }
            (_, Err(error)) => {
                tracing::warn!(delivery.id = %found.id, %error, "could not be picked up");
                deliveries.release(found.id);
            }
            _ => deliveries.release(found.id),
        }
    }

    /// Makes attempts until the conversation has nothing more that may go now. `delivery` is held.
    async fn run(&self, known: &Arc<Known>, mut delivery: Delivery, mut entry: Option<Entry>) {
        loop {
            let id = delivery.id;
            let next = self.turn(known, &delivery, entry.take()).await;
            known.handed_over();
            self.inner.deliveries.release(id);
            match next {
                Some(next) if !self.inner.stopping.is_cancelled() => {
                    // A retry waits for its time; what was never tried goes on at once.
                    let waits = next.attempts > 0 && next.due_at > self.inner.env.now();
                    if waits || !self.inner.deliveries.hold(next.id) {
                        return;
                    }
                    delivery = next;
                }
                _ => return,
            }
        }
    }

    /// One attempt and its settlement. Gives the conversation's next open delivery.
    async fn turn(
        &self,
        known: &Arc<Known>,
        delivery: &Delivery,
        entry: Option<Entry>,
    ) -> Option<Delivery> {
        let conversation = &known.conversation;
        let Some(bot) = self.inner.directory.bot_entry(&delivery.realm, &delivery.bot) else {
            let settle = Settle::Dead("there is no such bot any more".to_owned());
            let gone = Outcome::Refused { cause: String::new(), status: None };
            return self.settle(known, delivery, settle, None, gone).await;
        };
        let entry = match entry {
            Some(entry) => entry,
            None => match self.entry_of(delivery).await {
                Ok(Some(entry)) if !entry.is_erased() => entry,
                Ok(_) => {
                    let settle = Settle::Dead("the entry was erased".to_owned());
                    let gone = Outcome::Refused { cause: String::new(), status: None };
                    return self.settle(known, delivery, settle, None, gone).await;
                }
                Err(error) => {
                    tracing::warn!(delivery.id = %delivery.id, %error, "the entry was not read");
                    return None;
                }
            },
        };
        let runtime =
            self.inner.deliveries.runtime(&delivery.realm, &delivery.bot, &bot.record.delivery);
        let Some(attempted) = self.attempt(known, &bot, &runtime, delivery, &entry).await else {
            // The circuit is open, or too many wait: the worker takes it up later.
            if delivery.once {
                let away = Outcome::Unreachable {
                    cause: "the bot's circuit is open".to_owned(),
                    status: None,
                };
                let settle = Settle::Dead(away.cause().to_owned());
                return self.settle(known, delivery, settle, None, away).await;
            }
            let tell = runtime.circuit.lock().tell(&conversation.id);
            if tell {
                self.say_notice(known, &bot.record.delivery.unavailable_notice).await;
            }
            return None;
        };
        let settle = self.decide(known, &bot, delivery, &entry, &attempted).await;
        self.settle(known, delivery, settle, attempted.record, attempted.outcome).await
    }

    async fn entry_of(&self, delivery: &Delivery) -> Result<Option<Entry>, crate::Error> {
        let place = Place::Seq(delivery.seq);
        Ok(self.inner.store.entry(&delivery.realm, &delivery.conversation, place).await?)
    }

    /// Makes the attempt, or gives `None` where none may be made now.
    async fn attempt(
        &self,
        known: &Known,
        bot: &BotEntry,
        runtime: &BotRuntime,
        delivery: &Delivery,
        entry: &Entry,
    ) -> Option<Attempted> {
        let permit = match runtime.in_flight.try_acquire() {
            Ok(permit) => permit,
            Err(_) => {
                if runtime.waiting.fetch_add(1, Ordering::Relaxed)
                    >= self.inner.settings.waiting_max
                {
                    runtime.waiting.fetch_sub(1, Ordering::Relaxed);
                    return None;
                }
                let permit = runtime.in_flight.acquire().await;
                runtime.waiting.fetch_sub(1, Ordering::Relaxed);
                permit.ok()?
            }
        };
        if !runtime.circuit.lock().admit(Instant::now()) {
            return None;
        }
        if self.inner.stopping.is_cancelled() {
            runtime.circuit.lock().withdraw();
            return None;
        }
        let turn = entry.turn.unwrap_or(entry.seq);
        known.hand_over(turn, entry.id());
        let settings = &bot.record.delivery;
        let handed = handed(known, delivery, entry, settings.attempt_timeout());
        let (at, started) = (self.inner.env.now(), Instant::now());
        let budget = handed.budget;
        // A bot's own deadline is a little shorter than this one, which only makes sure. A bot that
        // panics has failed; the conversation, and the circuit's probe, must not hang on it.
        let attempt = AssertUnwindSafe(bot.bot.deliver(handed)).catch_unwind();
        let outcome = match tokio::time::timeout(budget, attempt).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Outcome::Failed { cause: "the bot panicked".to_owned(), status: None },
            Err(_) => Outcome::TimedOut,
        };
        drop(permit);
        let took = started.elapsed();
        self.inner.metrics.attempted(&outcome, took);
        tracing::debug!(
            delivery.id = %delivery.id, conversation.id = %delivery.conversation,
            attempt = delivery.attempts + 1, outcome = outcome.word(),
            duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX), "attempt"
        );
        let turned = runtime.circuit.lock().record(&outcome, settings, Instant::now());
        self.circuit_turned(delivery, turned).await;
        let record = match &outcome {
            Outcome::Taken { .. } => None,
            failed => Some(AttemptRecord {
                number: delivery.attempts + 1,
                at,
                took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                outcome: failed.word().to_owned(),
                cause: failed.cause().to_owned(),
            }),
        };
        Some(Attempted { outcome, record })
    }

    async fn circuit_turned(&self, delivery: &Delivery, turned: Turned) {
        match turned {
            Turned::Same => {}
            Turned::Opened => {
                self.inner.metrics.circuits_open.inc();
                tracing::warn!(realm.id = %delivery.realm, bot.id = %delivery.bot, "circuit opened");
            }
            Turned::Closed => {
                self.inner.metrics.circuits_open.dec();
                tracing::info!(realm.id = %delivery.realm, bot.id = %delivery.bot, "circuit closed");
                let now = self.inner.env.now();
                let moved = self.inner.store.redue(&delivery.realm, &delivery.bot, now).await;
                if let Err(error) = moved {
                    tracing::warn!(%error, "waiting deliveries keep their times");
                }
                self.inner.deliveries.wake.notify_one();
            }
        }
    }

    async fn decide(
        &self,
        known: &Known,
        bot: &BotEntry,
        delivery: &Delivery,
        entry: &Entry,
        attempted: &Attempted,
    ) -> Settle {
        let failed = matches!(attempted.outcome, Outcome::Failed { .. } | Outcome::TimedOut);
        let (failures_before, answered) = if failed {
            let turn = entry.turn.unwrap_or(entry.seq);
            (self.failures(delivery).await, self.is_answered(known, turn).await)
        } else {
            (0, false)
        };
        let mut byte = [0];
        self.inner.env.random.fill(&mut byte);
        let jitter = f64::from(byte[0]) / 255.0;
        let known = retry::Known { now: self.inner.env.now(), failures_before, answered, jitter };
        decide(&attempted.outcome, delivery, &bot.record.delivery, known)
    }

    /// How often the bot failed at this delivery before.
    async fn failures(&self, delivery: &Delivery) -> u32 {
        if delivery.attempts == 0 {
            return 0;
        }
        match self.inner.store.attempts(&delivery.realm, delivery.id).await {
            Ok(attempts) => {
                let failed = |a: &&AttemptRecord| matches!(&*a.outcome, "failed" | "timed_out");
                u32::try_from(attempts.iter().filter(failed).count()).unwrap_or(u32::MAX)
            }
            Err(_) => delivery.attempts,
        }
    }

    /// Whether an answer of a turn is in the log.
    async fn is_answered(&self, known: &Known, turn: Seq) -> bool {
        let conversation = &known.conversation;
        if known.is_answered(turn) == Some(true) {
            return true;
        }
        // It may have been answered before a restart.
        let from = Place::Seq(turn + 1);
        let entries = self
            .inner
            .store
            .read(&conversation.realm, &conversation.id, Viewer::Operator, from, 64)
            .await
            .unwrap_or_default();
        entries.iter().any(|e| e.turn == Some(turn) && e.role == Role::Bot && !e.meta.system)
    }
}

fn handed(
    known: &Known,
    delivery: &Delivery,
    entry: &Entry,
    budget: std::time::Duration,
) -> Handed {
    let conversation = &known.conversation;
    Handed {
        delivery: Some(delivery.id),
        attempt: delivery.attempts + 1,
        replay: delivery.replay,
        conversation: Arc::clone(conversation),
        id: entry.id().in_conversation(conversation.id.as_str()).into(),
        at: entry.at,
        kind: entry.kind.clone(),
        role: entry.role,
        body: entry.body.clone(),
        meta: entry.meta.clone(),
        budget,
    }
}
