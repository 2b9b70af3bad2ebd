//! What is kept in the store: how users stand with a bot, and how a partner does.

use std::time::Duration;

use maru_activity::{BotId, RealmId, Timestamp};
use maru_hall::{Conversation, Error, Hall, StateWrite, TimerWrite};
use maru_notify::Alert;
use serde::de::DeserializeOwned;

use crate::health::{Event, Health, Turned};
use crate::keyboard::Standing;
use crate::partner::Partner;

/// The scope of users' standings, under their keys.
const USER: &str = "plus-friend/user";

/// The scope of partners' health, under the bots' ids.
const BOT: &str = "plus-friend/bot";

/// The scope of the timers that probe, under the bots' ids.
pub(crate) const PROBE: &str = "plus-friend/probe";

/// How long a user is remembered who does not come back.
const REMEMBERED: Duration = Duration::from_secs(400 * 86_400);

/// The most bytes of a standing, as JSON. A keyboard that is larger is forgotten: it was shown.
const STANDING_MAX: usize = 64 * 1024;

/// How often a change is tried again that another node was faster with.
const TRIES: usize = 8;

/// How a user stands.
pub(crate) async fn standing(hall: &Hall, realm: &RealmId, key: &str) -> Result<Standing, Error> {
    let state = hall.state(realm, USER, key).await?;
    Ok(state.map(|state| read(&state.value)).unwrap_or_default())
}

/// Keeps how a user stands who speaks in this conversation. One user's turns run one after the other, so the last word counts.
pub(crate) async fn keep_standing(
    hall: &Hall,
    of: &Conversation,
    key: &str,
    standing: &Standing,
) -> Result<(), Error> {
    let mut value = json(standing)?;
    if value.len() > STANDING_MAX {
        value = json(&Standing { last: None, ..standing.clone() })?;
    }
    let mut write = StateWrite::put(USER, key, value).about(&of.id);
    write.until = Some(hall.env().now().after(REMEMBERED));
    hall.write(&of.realm, vec![write], Vec::new()).await
}

/// Whether anything is kept of a user.
pub(crate) async fn is_known(hall: &Hall, realm: &RealmId, key: &str) -> Result<bool, Error> {
    Ok(hall.state(realm, USER, key).await?.is_some())
}

/// Forgets a user.
pub(crate) async fn forget(hall: &Hall, realm: &RealmId, key: &str) -> Result<(), Error> {
    hall.write(realm, vec![StateWrite::delete(USER, key)], Vec::new()).await
}

/// How a partner does.
pub(crate) async fn health(hall: &Hall, realm: &RealmId, bot: &BotId) -> Result<Health, Error> {
    Ok(versioned(hall, realm, bot).await?.0)
}

async fn versioned(hall: &Hall, realm: &RealmId, bot: &BotId) -> Result<(Health, u64), Error> {
    let state = hall.state(realm, BOT, bot.as_str()).await?;
    Ok(state.map_or_else(Default::default, |state| (read(&state.value), state.version)))
}

/// Moves a bot's probe, or clears it. With `seen` only if it is the one that was seen.
pub(crate) fn probe(bot: &BotId, seen: Option<Timestamp>, next: Option<Timestamp>) -> TimerWrite {
    let set = next.map(|at| (at, bytes::Bytes::new()));
    TimerWrite { scope: PROBE.to_owned(), key: bot.to_string(), expect: seen, set }
}

impl Partner {
    /// Notes what a call came to, and tells the operator where that turns something. Gives what turned.
    pub(crate) async fn turn(&self, hall: &Hall, event: Event) -> Result<Turned, Error> {
        let (realm, bot) = (&self.record.realm, &self.record.id);
        // Those of this node queue, rather than get in each other's way.
        let _one_at_a_time = self.memory.turning.lock().await;
        for _ in 0..TRIES {
            let (before, version) = versioned(hall, realm, bot).await?;
            let now = hall.env().now();
            let (after, turned) = before.step(event, now, self.settings.health_rules());
            if after == before {
                return Ok(Turned::Same);
            }
            let next = now.after(Duration::from_secs(self.settings.probe_secs));
            let timers = match turned {
                Turned::Same => Vec::new(),
                Turned::Outage => vec![probe(bot, None, Some(next))],
                Turned::Stopped | Turned::Recovered => vec![probe(bot, None, None)],
            };
            let write = StateWrite::put(BOT, bot.as_str(), json(&after)?).at_version(version);
            match hall.write(realm, vec![write], timers).await {
                Err(Error::Conflict(_)) => {}
                Err(error) => return Err(error),
                Ok(()) => {
                    self.alert(turned);
                    return Ok(turned);
                }
            }
        }
        Err(Error::Conflict("a partner's health"))
    }

    fn alert(&self, turned: Turned) {
        let (notifier, realm) = (&self.shared.notifier, &self.record.realm);
        match turned {
            Turned::Same => {}
            Turned::Outage => {
                let text = format!(
                    "It failed {} times in a row. Users are told of an outage, and it is not called. It is \
                     probed every {} s and called again once its home keyboard can be had.",
                    self.settings.outage_failures, self.settings.probe_secs,
                );
                notifier.raise(realm, self.told("outage", "does not answer", text));
            }
            Turned::Stopped => {
                let text = format!(
                    "It failed more than {} times today. It is not called any more until the bot is \
                     restarted.",
                    self.settings.daily_failures_max,
                );
                notifier.raise(realm, self.told("stopped", "was stopped", text));
            }
            Turned::Recovered => {
                for trouble in ["outage", "stopped"] {
                    let text = "Users' messages are handed to it again.".to_owned();
                    notifier.settle(realm, self.told(trouble, "is called again", text));
                }
            }
        }
    }

    fn told(&self, trouble: &str, what: &str, text: String) -> Alert {
        let bot = &self.record.id;
        Alert {
            cause: format!("bot/{bot}/{trouble}"),
            title: format!("The partner server of the bot {bot} {what}"),
            text,
            to: self.settings.phone.clone(),
        }
    }
}

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|error| Error::Internal(error.to_string()))
}

/// What cannot be read is as if it were not there: it is nothing that was said.
fn read<T: DeserializeOwned + Default>(value: &[u8]) -> T {
    serde_json::from_slice(value).unwrap_or_default()
}
