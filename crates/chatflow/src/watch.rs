//! What is counted, and when an operator is told.
//!
//! No label names a user. Whether an app fails ten times in a row is counted by each node for
//! itself; the notifier sees to it that one cause is told once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use maru_notify::{Alert, Notifier};
use maru_scenario::{Effect, Restart};
use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use serde::Serialize;

use crate::limits::FAILURES;
use crate::turns::Played;
use crate::{AppRecord, Error};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Of {
    realm: String,
    app: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Outcome {
    realm: String,
    app: String,
    outcome: &'static str,
}

/// What an app came to on this node since the process began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Numbers {
    /// Turns that were answered.
    pub turns: u64,
    /// Those of them in which the user had not said what the scenario waited for: they were asked
    /// again, or a fallback answered.
    pub fallbacks: u64,
    /// Turns that failed.
    pub failures: u64,
    /// Sessions that began because there was none.
    pub restarted_new: u64,
    /// Sessions that began anew after a silence.
    pub restarted_timeout: u64,
    /// Users handed to a human.
    pub handoffs: u64,
    /// Failures in a row, up to now.
    pub failures_in_a_row: u32,
}

#[derive(Debug, Default)]
struct Health {
    numbers: Numbers,
    /// Whether the operator was told, as far as this process knows.
    failing: Told,
    unloadable: Told,
}

/// What this process knows of an alert. What another told before is settled by the first success.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Told {
    #[default]
    Perhaps,
    Yes,
    No,
}

#[derive(Debug, Default)]
struct Inner {
    turns: Family<Outcome, Counter>,
    restarts: Family<Outcome, Counter>,
    webhooks: Family<Outcome, Counter>,
    handoffs: Family<Of, Counter>,
    fallbacks: Family<Of, Counter>,
    repeated: Counter,
    health: Mutex<HashMap<String, Health>>,
}

/// Counts, and tells. Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    inner: Arc<Inner>,
    seconds: Histogram,
    notifier: Notifier,
}

impl Watch {
    pub(crate) fn new(notifier: Notifier, registry: &mut Registry) -> Self {
        let inner = Inner::default();
        let seconds = Histogram::new(exponential_buckets(0.000_5, 2.0, 14));
        let mut register = |name: &str, help: &str, family: &Family<Outcome, Counter>| {
            registry.register(name, help, family.clone());
        };
        register("chatflow_turns", "Turns by app and what came of them", &inner.turns);
        register("chatflow_restarts", "Sessions begun by app and why", &inner.restarts);
        register(
            "chatflow_webhooks",
            "Webhook calls by app and what came of them",
            &inner.webhooks,
        );
        registry.register("chatflow_handoffs", "Users handed over by app", inner.handoffs.clone());
        let help = "Turns by app that asked again, or in which a fallback answered";
        registry.register("chatflow_fallbacks", help, inner.fallbacks.clone());
        let help = "Messages whose answer was given again";
        registry.register("chatflow_repeated", help, inner.repeated.clone());
        registry.register("chatflow_turn_seconds", "How long a turn takes", seconds.clone());
        Self { inner: Arc::new(inner), seconds, notifier }
    }

    /// Counts a turn that was answered.
    pub(crate) fn played(&self, app: &AppRecord, played: &Played, took: Duration) {
        self.inner.turns.get_or_create(&outcome(app, "answered")).inc();
        self.seconds.observe(took.as_secs_f64());
        let restarted = played.turn.session.restarted;
        if let Some(why) = restarted {
            self.inner.restarts.get_or_create(&outcome(app, why.word())).inc();
        }
        let handed = played.effects.iter().any(|e| matches!(e, Effect::Handoff { .. }));
        if handed {
            self.inner.handoffs.get_or_create(&of(app)).inc();
        }
        if played.fell_back {
            self.inner.fallbacks.get_or_create(&of(app)).inc();
        }
        let mut health = self.inner.health.lock();
        let health = health.entry(app.id.clone()).or_default();
        health.numbers.turns += 1;
        health.numbers.fallbacks += u64::from(played.fell_back);
        health.numbers.handoffs += u64::from(handed);
        health.numbers.restarted_new += u64::from(restarted == Some(Restart::New));
        health.numbers.restarted_timeout += u64::from(restarted == Some(Restart::Timeout));
        health.numbers.failures_in_a_row = 0;
        for (told, alert) in
            [(&mut health.failing, failing(app)), (&mut health.unloadable, unloadable(app))]
        {
            if std::mem::replace(told, Told::No) != Told::No {
                self.notifier.settle(&app.realm, alert);
            }
        }
    }

    /// Counts a turn that was not answered.
    pub(crate) fn failed(&self, app: &AppRecord, error: &Error, took: Duration) {
        self.inner.turns.get_or_create(&outcome(app, error.word())).inc();
        self.seconds.observe(took.as_secs_f64());
        if !error.is_failure() {
            return;
        }
        tracing::warn!(realm.id = %app.realm, app = app.handle, cause = error.word(), "a turn failed");
        let mut health = self.inner.health.lock();
        let health = health.entry(app.id.clone()).or_default();
        health.numbers.failures += 1;
        health.numbers.failures_in_a_row = health.numbers.failures_in_a_row.saturating_add(1);
        if matches!(error, Error::Unloadable { .. }) && health.unloadable != Told::Yes {
            health.unloadable = Told::Yes;
            self.notifier.raise(&app.realm, unloadable(app));
        }
        if health.numbers.failures_in_a_row >= FAILURES && health.failing != Told::Yes {
            health.failing = Told::Yes;
            self.notifier.raise(&app.realm, failing(app));
        }
    }

    /// Counts an answer that was given again.
    pub(crate) fn repeated(&self) {
        self.inner.repeated.inc();
    }

    /// Counts a webhook's call.
    pub(crate) fn webhook(&self, app: &AppRecord, what: &'static str) {
        self.inner.webhooks.get_or_create(&outcome(app, what)).inc();
    }

    pub(crate) fn circuit_opened(&self, app: &AppRecord, webhook: &str) {
        self.notifier.raise(&app.realm, circuit(app, webhook));
    }

    pub(crate) fn circuit_closed(&self, app: &AppRecord, webhook: &str) {
        self.notifier.settle(&app.realm, circuit(app, webhook));
    }

    /// Tells the app's own phone a test.
    pub(crate) async fn test(
        &self,
        app: &AppRecord,
    ) -> Result<Vec<&'static str>, Vec<maru_notify::Failed>> {
        self.notifier.test(&app.realm, Some(app.monitor_phone.clone())).await
    }

    /// Forgets an app that is no more.
    pub(crate) fn forget(&self, app: &AppRecord) {
        self.inner.health.lock().remove(&app.id);
    }

    pub(crate) fn numbers(&self, app: &AppRecord) -> Numbers {
        self.inner.health.lock().get(&app.id).map(|health| health.numbers).unwrap_or_default()
    }
}

fn of(app: &AppRecord) -> Of {
    Of { realm: app.realm.to_string(), app: app.handle.clone() }
}

fn outcome(app: &AppRecord, outcome: &'static str) -> Outcome {
    Outcome { realm: app.realm.to_string(), app: app.handle.clone(), outcome }
}

fn failing(app: &AppRecord) -> Alert {
    alert(
        app,
        "failing",
        format!("ChatFlow app {} fails", app.name),
        format!(
            "{FAILURES} turns in a row were not answered. Look at its webhooks and its newest version."
        ),
    )
}

fn unloadable(app: &AppRecord) -> Alert {
    alert(
        app,
        "unloadable",
        format!("The scenario of ChatFlow app {} cannot be loaded", app.name),
        "A published version is missing or damaged. Publish it again, or roll back.".to_owned(),
    )
}

fn circuit(app: &AppRecord, webhook: &str) -> Alert {
    alert(
        app,
        &format!("webhook/{webhook}"),
        format!("The webhook {webhook} of ChatFlow app {} is down", app.name),
        format!(
            "It failed {FAILURES} times in a row and is tried only now and then until it answers."
        ),
    )
}

fn alert(app: &AppRecord, cause: &str, title: String, text: String) -> Alert {
    let cause = format!("chatflow/{}/{cause}", app.handle);
    Alert { cause, title, text, to: Some(app.monitor_phone.clone()) }
}
