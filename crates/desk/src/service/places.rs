//! Customers who wait are told their place: a signal, when it changes and not too often.

use maru_activity::{ConversationId, Role};
use maru_hall::{Error, QueuePlace};
use tokio::time::Instant;

use crate::floor::{Dn, Speaker};
use crate::limits::PLACE_EVERY;
use crate::service::room::Keeper;
use crate::service::speaking::place;

impl Keeper {
    /// A queue has changed. Whoever is new in it hears at the next tick, the others not too often.
    pub(super) fn place_due(&mut self, queue: &Dn) {
        self.places.due.entry(queue.clone()).or_insert_with(Instant::now);
    }

    /// Tells whoever is to be told.
    pub(super) async fn tell_places(&mut self) -> Result<(), Error> {
        let now = Instant::now();
        let due = self.places.due.iter().filter(|(_, at)| **at <= now);
        let due: Vec<Dn> = due.map(|(queue, _)| queue.clone()).collect();
        for queue in due {
            let changed = self.changed_places(&queue);
            if changed.is_empty() {
                self.places.due.remove(&queue);
                continue;
            }
            self.places.due.insert(queue.clone(), now + PLACE_EVERY);
            let name = self.room.floor.read().book.dns.get(&queue).map(|r| r.name().into());
            let from = Speaker { name: name.unwrap_or_else(|| queue.clone()), dn: queue };
            let hall = self.room.hall()?;
            for (call, at) in changed {
                self.places.told.insert(call.clone(), at.pos);
                if let Some(conversation) = hall.conversation(&self.room.realm, &call).await? {
                    hall.tell(&conversation, Role::Agent, &*from.dn, place(&from, &at)?);
                }
            }
        }
        Ok(())
    }

    /// The places that are not as they were told last.
    fn changed_places(&self, queue: &Dn) -> Vec<(ConversationId, QueuePlace)> {
        let floor = self.room.floor.read();
        let Some(queue) = floor.queues.get(queue) else { return Vec::new() };
        let places = queue.waiting.iter().zip(1_u32..).filter(|(waiting, _)| !waiting.ringing);
        let changed = places.filter(|(w, pos)| self.places.told.get(&w.call) != Some(pos));
        changed
            .map(|(waiting, pos)| {
                let place = QueuePlace { pos, ahead: pos - 1, eta: queue.eta(pos) };
                (waiting.call.clone(), place)
            })
            .collect()
    }
}
