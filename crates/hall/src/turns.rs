//! Which turn a bot's words belong to.

use maru_activity::{ActivityId, Seq};
use maru_store::{Conversation, DeliveryFilter, DeliveryState, Place, Turn};

use crate::known::Known;
use crate::{Error, Hall};

/// How many of a conversation's deliveries are looked through for the turn handed over last.
const LOOK_BACK: usize = 64;

impl Hall {
    /// The turn a bot's words belong to: that of the activity they answer, else the one handed over
    /// last.
    pub(crate) async fn turn_of(
        &self,
        known: &Known,
        reply_to: Option<&str>,
    ) -> Result<Turn, Error> {
        let conversation = &known.conversation;
        let answered = reply_to.and_then(|id| ActivityId::parse(conversation.id.as_str(), id));
        let place = match answered {
            None => return Ok(self.last_turn(known).await?.map_or(Turn::None, Turn::Of)),
            Some(ActivityId::Pos(pos)) => Place::Pos(pos),
            Some(ActivityId::Hidden(seq)) => Place::Seq(seq),
        };
        // Nearly always it is the turn under way; its entry is then not read again.
        if let Some(turn) = answered.and_then(|id| known.turn_begun_by(id)) {
            return Ok(Turn::Of(turn));
        }
        let entry = self.inner.store.entry(&conversation.realm, &conversation.id, place).await?;
        let turn = match entry.and_then(|entry| entry.turn) {
            Some(turn) => Some(turn),
            None => self.last_turn(known).await?,
        };
        Ok(turn.map_or(Turn::None, Turn::Of))
    }

    /// The turn handed over last. This process knows it if it alone hands over; else only while it
    /// does so itself, and not after a restart.
    async fn last_turn(&self, known: &Known) -> Result<Option<Seq>, Error> {
        let shared = self.inner.store.is_shared();
        let here = if shared { known.turn_under_way() } else { known.turn() };
        if here.is_some() {
            return Ok(here);
        }
        let found = self.last_turn_in_store(&known.conversation).await?;
        if let Some(seq) = found.filter(|_| !shared) {
            known.recall_turn(seq);
        }
        Ok(found)
    }

    /// Turns run one after the other, so what is open is younger than what is settled, and of what
    /// is open the oldest is the one that is handed over. Replays come out of order and do not count.
    async fn last_turn_in_store(&self, conversation: &Conversation) -> Result<Option<Seq>, Error> {
        let filter =
            DeliveryFilter { conversation: Some(conversation.id.clone()), ..Default::default() };
        let realm = &conversation.realm;
        let newest = self.inner.store.deliveries(realm, &filter, None, LOOK_BACK).await?.items;
        let mut last = None;
        for delivery in newest.iter().filter(|delivery| !delivery.replay) {
            let open = delivery.state == DeliveryState::Open;
            if open || last.is_none() {
                last = Some(delivery.seq);
            }
            if !open {
                break;
            }
        }
        Ok(last)
    }
}
