//! Looking after a partner that is left alone: its home keyboard is asked for, on one of the nodes,
//! whether anybody talks to the bot or not.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use maru_activity::BotId;
use maru_hall::{Error, Hall, OnTimer, Timer};

use crate::health::Event;
use crate::partner::Partner;
use crate::{KIND, Shared, kept};

/// Acts on the timers of [`kept::PROBE`].
pub(crate) struct Prober {
    shared: Arc<Shared>,
}

impl Prober {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The partner, if there is a bot of this kind still.
    fn partner(&self, hall: &Hall, timer: &Timer, bot: &BotId) -> Option<Partner> {
        let record = hall.directory().bot(&timer.realm, bot)?;
        if record.kind != KIND {
            return None;
        }
        Partner::of(&record, &self.shared).ok()
    }
}

#[async_trait]
impl OnTimer for Prober {
    fn scope(&self) -> &'static str {
        kept::PROBE
    }

    async fn fire(&self, timer: &Timer) -> Result<(), Error> {
        let hall = &self.shared.hall()?;
        let (realm, bot) = (&timer.realm, BotId::from(timer.key.as_str()));
        let health = kept::health(hall, realm, &bot).await?;
        let partner = self.partner(hall, timer, &bot).filter(|_| health.outage_since.is_some());
        let every = partner.as_ref().map(|partner| partner.settings.probe_secs);
        let next = every.map(|secs| hall.env().now().after(Duration::from_secs(secs)));
        // Whoever moves it probes: the partner is called by one node alone.
        hall.write(realm, Vec::new(), vec![kept::probe(&bot, Some(timer.due_at), next)]).await?;
        let Some(partner) = partner else { return Ok(()) };
        if partner.keyboard(partner.settings.answer_timeout()).await.is_ok() {
            partner.turn(hall, Event::Succeeded).await?;
        }
        Ok(())
    }
}

impl fmt::Debug for Prober {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prober")
    }
}
