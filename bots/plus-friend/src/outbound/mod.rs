//! Handing what users say and do to a partner server.

mod turn;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use maru_activity::{Kind, Links};
use maru_hall::{BadSettings, Bot, BotKind, BotRecord, Handed, Outcome};
use tokio::time::Instant;

use crate::heard::Heard;
use crate::partner::Partner;
use crate::{KIND, Shared};
use turn::Turn;

/// The schema's own word for a bot in a user's contacts, by channels that know of such.
const RELATION: &str = "contactRelationUpdate";

/// The kind `plus-friend`.
#[derive(Clone)]
pub(crate) struct PlusFriendKind(Arc<Shared>);

impl PlusFriendKind {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }
}

impl fmt::Debug for PlusFriendKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PlusFriendKind").field(&self.0).finish()
    }
}

impl BotKind for PlusFriendKind {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn make(&self, record: &BotRecord) -> Result<Arc<dyn Bot>, BadSettings> {
        let partner = Partner::of(record, &self.0)?;
        if let Err(refused) = self.0.egress.check(&partner.settings.url) {
            // No error: were the record refused for this, a server started with a stricter policy
            // would have lost the bot. Its calls say the same.
            tracing::warn!(
                realm.id = %record.realm, bot.id = %record.id, cause = %refused,
                "the partner server may not be called"
            );
        }
        Ok(Arc::new(PartnerBot { partner: Arc::new(partner) }))
    }
}

/// A partner server as a bot.
///
/// Whatever it does is [`Outcome::Taken`]: it answers in the call itself, and one that failed or was too
/// slow is answered for by a notice. Nothing is tried again, since it would be answered twice.
#[derive(Debug)]
struct PartnerBot {
    partner: Arc<Partner>,
}

#[async_trait]
impl Bot for PartnerBot {
    async fn deliver(&self, handed: Handed) -> Outcome {
        let begun = Instant::now();
        let shared = &self.partner.shared;
        let Ok(hall) = shared.hall() else {
            return not_now("the server is starting");
        };
        let heard = Heard::read(&handed.body);
        let turn = Turn::new(&self.partner, &hall, &handed, &heard, begun);
        match handed.kind {
            Kind::Message => {
                // Only what Maru itself put there is a reference; of anyone else `blob:` is just a text.
                let links: Option<&dyn Links> =
                    if handed.meta.blobs { Some(&shared.links) } else { None };
                let items = heard.items(&handed, links, self.partner.settings.send_media_as);
                turn.hear(&items).await
            }
            // The hall's own word on who came. Anybody could write another.
            Kind::ConversationUpdate
                if handed.meta.system && heard.newcomer(&self.partner.account.id).is_some() =>
            {
                turn.enter().await
            }
            Kind::EndOfConversation => turn.leave().await,
            Kind::Other(ref kind) if **kind == *RELATION => match heard.action() {
                Some("add") => turn.add().await,
                Some("remove") => turn.block().await,
                _ => Outcome::taken(),
            },
            _ => Outcome::taken(),
        }
    }
}

/// Nothing was sent to the partner: the hall may try again.
fn not_now(cause: &str) -> Outcome {
    Outcome::Unreachable { cause: cause.to_owned(), status: None }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use maru_activity::{Role, Timestamp};
    use maru_hall::{Conversation, Meta};
    use serde_json::Value;

    use super::*;

    /// An activity on its way.
    pub(crate) fn handed(kind: &str, activity: &Value) -> Handed {
        Handed {
            delivery: None,
            attempt: 1,
            replay: false,
            conversation: Arc::new(Conversation {
                id: "c".into(),
                realm: "default".into(),
                channel: "web".into(),
                channel_kind: "directline".into(),
                bot: "b".into(),
                opened_at: Timestamp::from_secs(0),
            }),
            id: "c|0000001".into(),
            at: Timestamp::from_secs(0),
            kind: Kind::from(kind),
            role: Role::User,
            body: activity.to_string().into(),
            meta: Meta::default(),
            budget: Duration::from_secs(15),
        }
    }
}
