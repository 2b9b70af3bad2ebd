//! What comes of people's tries to sign in. Labels have a fixed small set; none names anybody.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

/// The outcomes there are: they are there from the first moment on, with 0, so that an alert can look
/// at how they grow.
const OUTCOMES: [&str; 6] = ["let_in", "unknown", "wrong_password", "disabled", "locked", "failed"];

/// How often something was tried with a password, by what came of it.
#[derive(Clone, Debug)]
pub(super) struct Tries(Family<Outcome, Counter>);

impl Default for Tries {
    fn default() -> Self {
        let tries = Family::default();
        for outcome in OUTCOMES {
            drop(tries.get_or_create(&Outcome { outcome }));
        }
        Self(tries)
    }
}

impl Tries {
    pub(super) fn count(&self, outcome: &'static str) {
        self.0.get_or_create(&Outcome { outcome }).inc();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Tries of people to sign in, by outcome: let_in, unknown, wrong_password, disabled, locked, failed";
        registry.register("sign_ins", help, self.0.clone());
    }
}
