//! A chat's session: by what a client comes back to it.
//!
//! A session is one small value, whose version is its lock. Each resume counts its link up, so that of
//! two sockets of one session the newer one wins, on whichever nodes they are; and gives out a new
//! secret. The one before stays good until the client has said anything over the new link: a client
//! that lost its link before it had read the new secret would otherwise have lost its chat.

use std::sync::Arc;

use maru_accounts::{MachineSecret, Secret, SecretRecord};
use maru_activity::{Account, ChannelId, ConversationId, RealmId};
use maru_hall::{Call, Conversation, Error, StateWrite};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::WebChat;
use crate::limits::{SESSION_TTL, TRIES_MAX};

/// The scope of the sessions' values; the key is the session's id without its realm.
const SCOPE: &str = "web-chat/session";

/// The length of a session's id, in characters of base62.
const ID_LENGTH: usize = 22;

/// The public id of a session: its key, a dot, and the realm, since a client that comes back says
/// nothing else of where it belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SessionId {
    key: String,
    pub(crate) realm: RealmId,
}

impl SessionId {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (key, realm) = text.split_once('.')?;
        let named = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        let sound = key.len() == ID_LENGTH
            && key.bytes().all(|b| b.is_ascii_alphanumeric())
            && (1..=64).contains(&realm.len())
            && realm.bytes().all(named);
        sound.then(|| Self { key: key.to_owned(), realm: realm.into() })
    }
}

impl std::fmt::Display for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.key, self.realm)
    }
}

/// What is kept of a session.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// Its conversation.
    pub(crate) conversation: ConversationId,
    /// The channel by which it came in.
    pub(crate) channel: ChannelId,
    /// Counts the links.
    pub(crate) link: u64,
    /// The secret by which a client comes back, as a hash.
    secret: SecretRecord,
    /// The one before, until the client has shown that it has the new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<SecretRecord>,
    /// The call: for a desk that has not been told of it when the server stopped.
    pub(crate) call: KeptCall,
}

/// A call, as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct KeptCall {
    /// The number that was dialed.
    pub(crate) dn: String,
    /// The same, if it is a virtual agent's; else empty.
    pub(crate) virtual_agent: String,
    pub(crate) customer: Account,
    pub(crate) verified: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) locale: Option<String>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(crate) context: Map<String, Value>,
}

impl KeptCall {
    /// The call as a desk takes it.
    pub(crate) fn call(&self) -> Call {
        Call {
            dn: self.dn.as_str().into(),
            customer: self.customer.clone(),
            verified: self.verified,
            locale: self.locale.as_deref().map(Into::into),
            context: self.context.clone(),
        }
    }
}

/// A session that a socket has.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) kept: Kept,
    /// The version of what is kept.
    version: u64,
}

/// A session that was made or resumed, and the secret for the next time.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) session: Session,
    pub(crate) secret: Secret,
}

/// Why a client cannot come back.
#[derive(Debug)]
pub(crate) enum Unresumed {
    /// There is no such session, or not any more.
    Unknown,
    /// The secret is wrong, or was used.
    BadSecret,
    /// Somebody else keeps coming back in the same moment, or the store does not answer.
    Failed(Error),
}

impl WebChat {
    /// A new session, and the value to write with its conversation.
    pub(crate) fn new_session(
        &self,
        realm: &RealmId,
        channel: &ChannelId,
        conversation: &ConversationId,
        call: KeptCall,
    ) -> Result<(Opened, StateWrite), Error> {
        let env = self.hall.env();
        let (secret, record) = MachineSecret::issue(env);
        let id = SessionId { key: env.base62(ID_LENGTH), realm: realm.clone() };
        let kept = Kept {
            conversation: conversation.clone(),
            channel: channel.clone(),
            link: 1,
            secret: record,
            before: None,
            call,
        };
        let session = Session { id, kept, version: 1 };
        let write = self.write_of(&session, 0)?;
        Ok((Opened { session, secret: secret.text }, write))
    }

    /// Opens a session for a client that shows its secret; `None` for one that was just seen to be
    /// its owner.
    pub(crate) async fn resume_session(
        &self,
        id: &SessionId,
        secret: Option<&str>,
    ) -> Result<(Opened, Arc<Conversation>), Unresumed> {
        for _ in 0..TRIES_MAX {
            let mut session = self.session(id).await?;
            let kept = &mut session.kept;
            let before = match secret {
                None => None,
                Some(text) if kept.secret.matches(text) => Some(kept.secret.clone()),
                // The client never read what it was given last time.
                Some(text) => match kept.before.take().filter(|before| before.matches(text)) {
                    Some(before) => Some(before),
                    None => return Err(Unresumed::BadSecret),
                },
            };
            let conversation = self.hall.conversation(&id.realm, &kept.conversation).await;
            let conversation =
                conversation.map_err(Unresumed::Failed)?.ok_or(Unresumed::Unknown)?;
            let (next, record) = MachineSecret::issue(self.hall.env());
            kept.secret = record;
            kept.before = before;
            kept.link += 1;
            match self.rewrite(&mut session).await {
                Ok(()) => return Ok((Opened { session, secret: next.text }, conversation)),
                Err(Error::Conflict(_)) => {}
                Err(error) => return Err(Unresumed::Failed(error)),
            }
        }
        Err(Unresumed::Failed(Error::Conflict("the session is resumed again and again")))
    }

    /// The client has its new secret: the one before is worth nothing from here on.
    pub(crate) async fn confirm(&self, session: &mut Session) {
        if session.kept.before.take().is_none() {
            return;
        }
        match self.rewrite(session).await {
            // Another socket has the session now.
            Ok(()) | Err(Error::Conflict(_)) => {}
            // It stays good a little longer.
            Err(error) => tracing::debug!(%error, "a used secret was not forgotten"),
        }
    }

    /// Whether a newer socket has the session.
    pub(crate) async fn is_replaced(&self, session: &Session) -> bool {
        match self.session(&session.id).await {
            Ok(now) => now.kept.link > session.kept.link,
            Err(_) => false,
        }
    }

    async fn session(&self, id: &SessionId) -> Result<Session, Unresumed> {
        let state = self.hall.state(&id.realm, SCOPE, &id.key).await;
        let state = state.map_err(Unresumed::Failed)?.ok_or(Unresumed::Unknown)?;
        let too_old = self.hall.env().now().since(state.at) > SESSION_TTL;
        let kept = serde_json::from_slice(&state.value).ok().filter(|_| !too_old);
        let kept = kept.ok_or(Unresumed::Unknown)?;
        Ok(Session { id: id.clone(), kept, version: state.version })
    }

    async fn rewrite(&self, session: &mut Session) -> Result<(), Error> {
        let write = self.write_of(session, session.version)?;
        self.hall.write(&session.id.realm, vec![write], Vec::new()).await?;
        session.version += 1;
        Ok(())
    }

    fn write_of(&self, session: &Session, version: u64) -> Result<StateWrite, Error> {
        let value = serde_json::to_vec(&session.kept);
        let value = value.map_err(|error| Error::Internal(error.to_string()))?;
        let write = StateWrite::put(SCOPE, &session.id.key, value).at_version(version);
        let until = Some(self.hall.env().now().after(SESSION_TTL));
        Ok(StateWrite { until, ..write }.about(&session.kept.conversation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_its_realm_and_nothing_else_is_one() {
        let text = format!("{}.my-realm", "a".repeat(22));
        let id = SessionId::parse(&text).unwrap();
        assert_eq!((id.to_string(), id.realm.as_str()), (text, "my-realm"));
        for wrong in [
            "",
            "a.b",
            &"a".repeat(22),
            &format!("{}.", "a".repeat(22)),
            &format!("{}.a/b", "a".repeat(22)),
        ] {
            assert_eq!(SessionId::parse(wrong), None, "{wrong}");
        }
    }
}
