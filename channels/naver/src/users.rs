//! What is kept of a user: their conversation, and what they were offered to press.

use std::sync::Arc;

use maru_activity::{Account, ConversationId, Draft, Kind, Role};
use maru_content::{Degraded, Offers};
use maru_hall::{Begin, Conversation, Error, StateWrite};
use serde::{Deserialize, Serialize};

use crate::channels::Channel;
use crate::{CHANNEL_KIND, Naver};

/// The scope of users; the key names the channel and the user.
const SCOPE: &str = "naver/user";

/// How often the value of a user is read again that somebody else has written meanwhile.
const TRIES_MAX: usize = 4;

/// The longest id of a user, in bytes. TalkTalk's have 22.
const USER_ID_BYTES_MAX: usize = 128;

/// Who speaks.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    pub(crate) channel: Arc<Channel>,
    pub(crate) account: Account,
}

impl Who {
    /// A user of a channel by their id there. `None` for one that cannot be an id.
    pub(crate) fn new(channel: &Arc<Channel>, id: &str) -> Option<Self> {
        let sound =
            (1..=USER_ID_BYTES_MAX).contains(&id.len()) && !id.chars().any(char::is_control);
        let account = Account { id: id.to_owned(), name: None, role: Some("user".to_owned()) };
        sound.then(|| Self { channel: Arc::clone(channel), account })
    }

    fn key(&self) -> String {
        format!("{}/{}", self.channel.record.id, self.account.id)
    }

    /// An activity of theirs, to be completed.
    pub(crate) fn activity(&self, kind: &Kind) -> Draft<'static> {
        let mut draft = Draft::new(kind);
        draft.set_value("from", &self.account);
        draft.set_from(Some(&self.account.id), None, Some(Role::User));
        draft.set_text("locale", "ko-KR");
        draft
    }

    /// Forgets their conversation: the next word begins another.
    pub(crate) fn forget(&self) -> StateWrite {
        StateWrite::delete(SCOPE, self.key())
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Kept {
    conversation: ConversationId,
    #[serde(default)]
    offers: Offers,
}

/// A user with their conversation.
#[derive(Clone, Debug)]
pub(crate) struct Met {
    pub(crate) conversation: Arc<Conversation>,
    pub(crate) offers: Offers,
    version: u64,
    /// Whether they were met for the first time.
    pub(crate) fresh: bool,
}

impl Naver {
    /// Finds a user's conversation, or begins it.
    pub(crate) async fn meet(&self, who: &Who) -> Result<Met, Error> {
        for _ in 0..TRIES_MAX {
            let (known, version) = self.known(who).await?;
            if let Some(met) = known {
                return Ok(met);
            }
            let id = self.hall.new_conversation_id();
            let kept = Kept { conversation: id.clone(), offers: Offers::default() };
            let begin = Begin {
                id: Some(id),
                // Nothing but the way of the call says that it is TalkTalk's.
                user: Some((who.account.clone(), false)),
                locale: Some("ko-KR"),
                states: vec![write(who, &kept)?.at_version(version)],
                ..Begin::by(&who.channel.record, CHANNEL_KIND)
            };
            match self.hall.begin(begin).await {
                Ok(begun) => {
                    let (conversation, offers) = (begun.conversation, kept.offers);
                    return Ok(Met { conversation, offers, version: version + 1, fresh: true });
                }
                // Another event of the user was first: its conversation is looked at.
                Err(Error::Conflict(_) | Error::UnknownConversation) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::Conflict("a user's conversation"))
    }

    /// The user as they were met before, and the version of what is kept of them; 0 for nothing.
    pub(crate) async fn known(&self, who: &Who) -> Result<(Option<Met>, u64), Error> {
        let realm = &who.channel.record.realm;
        let Some(state) = self.hall.state(realm, SCOPE, &who.key()).await? else {
            return Ok((None, 0));
        };
        let version = state.version;
        // What cannot be read is begun anew: the log keeps what was said.
        let Ok(Kept { conversation, offers }) = serde_json::from_slice(&state.value) else {
            return Ok((None, version));
        };
        let conversation = self.hall.conversation(realm, &conversation).await?;
        let met = conversation.map(|c| Met { conversation: c, offers, version, fresh: false });
        Ok((met, version))
    }

    /// Keeps what a message offers. That it cannot be kept is logged: a press then says what stands on
    /// the button.
    pub(crate) async fn remember(&self, who: &Who, conversation: &ConversationId, made: &Degraded) {
        self.metrics.dropped.inc_by(made.dropped.len() as u64);
        if made.pressable().next().is_none() {
            return;
        }
        let kept = async {
            let (Some(met), _) = self.known(who).await? else { return Ok(()) };
            if met.conversation.id != *conversation {
                return Ok(());
            }
            let mut offers = met.offers.clone();
            offers.add(made);
            if offers == met.offers {
                return Ok(());
            }
            let write = write(who, &Kept { conversation: conversation.clone(), offers })?;
            let states = vec![write.at_version(met.version)];
            self.hall.write(&who.channel.record.realm, states, Vec::new()).await
        };
        if let Err(error) = kept.await {
            tracing::warn!(%error, "what a user was offered was not kept");
        }
    }
}

fn write(who: &Who, kept: &Kept) -> Result<StateWrite, Error> {
    let value = serde_json::to_vec(kept).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(StateWrite::put(SCOPE, who.key(), value).about(&kept.conversation))
}
