//! The home keyboard, remembered for a minute: however many come in, the partner is asked once.

use std::time::Duration;

use maru_activity::Timestamp;
use parking_lot::RwLock;
use tokio::sync::Mutex;

use crate::partner::Partner;
use crate::wire::keyboard::Keyboard;

/// A partner that has no home keyboard is not asked again for as long as this: those who wait for the
/// same call share its failure.
const FAILED_FOR: Duration = Duration::from_secs(5);

/// One bot's home keyboard, on this node.
#[derive(Debug, Default)]
pub(crate) struct Home {
    known: RwLock<Option<Known>>,
    /// Held by whoever asks.
    asking: Mutex<()>,
}

#[derive(Clone, Debug)]
struct Known {
    at: Timestamp,
    /// Of whom it was asked: a bot may be moved.
    url: String,
    /// The last one there was.
    keyboard: Keyboard,
    failed: bool,
}

impl Home {
    /// The home keyboard, as the partner has it or had it a minute ago. One that cannot be had is a text
    /// keyboard.
    pub(crate) async fn get(&self, partner: &Partner, within: Duration) -> Keyboard {
        let got = tokio::time::timeout(within, self.ask(partner, within)).await;
        got.unwrap_or_else(|_| self.last(partner))
    }

    /// The last one that was seen, however long ago; without asking.
    pub(crate) fn last(&self, partner: &Partner) -> Keyboard {
        let known = self.known.read().clone();
        let known = known.filter(|known| known.url == partner.settings.url);
        known.map(|known| known.keyboard).unwrap_or_default()
    }

    async fn ask(&self, partner: &Partner, within: Duration) -> Keyboard {
        if let Some(keyboard) = self.fresh(partner) {
            return keyboard;
        }
        let _one_at_a_time = self.asking.lock().await;
        if let Some(keyboard) = self.fresh(partner) {
            return keyboard;
        }
        let within = within.min(partner.settings.answer_timeout());
        let asked = partner.keyboard(within).await;
        let failed = asked.is_err();
        let keyboard = asked.unwrap_or_default();
        let (at, url) = (partner.shared.env.now(), partner.settings.url.clone());
        *self.known.write() = Some(Known { at, url, keyboard: keyboard.clone(), failed });
        keyboard
    }

    fn fresh(&self, partner: &Partner) -> Option<Keyboard> {
        let known = self.known.read();
        let known = known.as_ref().filter(|known| known.url == partner.settings.url)?;
        let cached = Duration::from_secs(partner.settings.keyboard_cache_secs);
        let good_for = if known.failed { cached.min(FAILED_FOR) } else { cached };
        let now = partner.shared.env.now();
        // A clock that ran ahead must not keep an old one for long.
        let is_fresh = now.since(known.at) < good_for && known.at.since(now) < good_for;
        is_fresh.then(|| known.keyboard.clone())
    }
}
