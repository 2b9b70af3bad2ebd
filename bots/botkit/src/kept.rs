//! What is kept about a conversation beside its log.

use std::time::Duration;

use maru_activity::{Pos, Timestamp};
use maru_hall::{Conversation, Error, Hall, StateWrite};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The scope of what BotKit code put into the session.
const SESSION: &str = "botkit/session";

/// The scope of how a conversation stands.
const STANDING: &str = "botkit/standing";

/// The scope of how far a bot's answers were handed on; the key is the conversation with that bot.
const HANDED_ON: &str = "botkit/handed-on";

/// How long that is kept after the last answer. What is older is not handed on anyway.
const HANDED_ON_FOR: Duration = Duration::from_secs(24 * 3_600);

/// How long the session's variables are kept after their last change.
const SESSION_FOR: Duration = Duration::from_secs(24 * 3_600);

/// The most bytes of a session's variables, as JSON.
const SESSION_MAX: usize = 32 * 1024;

/// How often a change is tried again that somebody else was faster with.
const TRIES: usize = 8;

/// The session's variables that BotKit code wrote, which it finds in its next event again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Session {
    /// `context.session.BotUserSession`, less what the server puts in.
    pub(crate) bot_user: Map<String, Value>,
    /// `context.session.UserSession`.
    pub(crate) user: Map<String, Value>,
}

/// How a conversation stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Standing {
    /// Since when an agent answers, if one does.
    pub(crate) agent_since: Option<Timestamp>,
    /// Counts the conversations with the bot behind: each reset begins another.
    pub(crate) round: u32,
}

impl Session {
    pub(crate) async fn of(hall: &Hall, conversation: &Conversation) -> Result<Self, Error> {
        let now = hall.env().now();
        let (realm, key) = (&conversation.realm, conversation.id.as_str());
        let state = hall.state(realm, SESSION, key).await?;
        let state = state.filter(|state| now.since(state.at) < SESSION_FOR);
        Ok(state.map(|state| read(&state.value)).unwrap_or_default())
    }

    /// Keeps it. The last word counts, as on the platform.
    pub(crate) async fn keep(&self, hall: &Hall, to: &Conversation) -> Result<(), Error> {
        let value = serde_json::to_vec(self).map_err(|e| Error::Internal(e.to_string()))?;
        if value.len() > SESSION_MAX {
            let bytes = value.len();
            tracing::warn!(conversation.id = %to.id, bytes, "a session is too large to be kept");
            return Ok(());
        }
        let mut write = StateWrite::put(SESSION, to.id.as_str(), value).about(&to.id);
        write.until = Some(hall.env().now().after(SESSION_FOR));
        hall.write(&to.realm, vec![write], Vec::new()).await
    }

    /// Forgets it.
    pub(crate) async fn forget(hall: &Hall, of: &Conversation) -> Result<(), Error> {
        let write = StateWrite::delete(SESSION, of.id.as_str());
        hall.write(&of.realm, vec![write], Vec::new()).await
    }
}

impl Standing {
    /// How the conversation stands.
    pub(crate) async fn of(hall: &Hall, conversation: &Conversation) -> Result<Self, Error> {
        Ok(versioned(hall, STANDING, conversation).await?.0)
    }

    /// Changes it. `change` says whether there is anything to change, and is called again when somebody
    /// else was faster; `commit` makes the write, alone or with more.
    ///
    /// # Errors
    /// What the store says, and what `commit` does.
    pub(crate) async fn change<F>(
        hall: &Hall,
        of: &Conversation,
        change: impl FnMut(&mut Self) -> bool,
        commit: impl FnMut(StateWrite) -> F,
    ) -> Result<(), Error>
    where
        F: Future<Output = Result<(), Error>>,
    {
        changed(hall, STANDING, of, change, commit).await.map(|_| ())
    }
}

/// Up to where the answers in a conversation with a bot behind were handed on.
pub(crate) async fn handed_on(hall: &Hall, inner: &Conversation) -> Result<Pos, Error> {
    Ok(versioned(hall, HANDED_ON, inner).await?.0)
}

/// Notes that they are handed on up to `end`, and gives up to where they were before. `None`: somebody
/// else has noted as much.
pub(crate) async fn hand_on_to(
    hall: &Hall,
    inner: &Conversation,
    end: Pos,
) -> Result<Option<Pos>, Error> {
    let until = hall.env().now().after(HANDED_ON_FOR);
    let change = |noted: &mut Pos| std::mem::replace(noted, end) < end;
    let write = |mut write: StateWrite| {
        write.until = Some(until);
        hall.write(&inner.realm, vec![write], Vec::new())
    };
    changed(hall, HANDED_ON, inner, change, write).await
}

/// A value about a conversation, and its version.
async fn versioned<T: DeserializeOwned + Default>(
    hall: &Hall,
    scope: &str,
    of: &Conversation,
) -> Result<(T, u64), Error> {
    let state = hall.state(&of.realm, scope, of.id.as_str()).await?;
    Ok(state.map_or_else(Default::default, |state| (read(&state.value), state.version)))
}

/// Changes a value, and gives what it was before; `None` if there was nothing to change.
async fn changed<T, F>(
    hall: &Hall,
    scope: &str,
    of: &Conversation,
    mut change: impl FnMut(&mut T) -> bool,
    mut commit: impl FnMut(StateWrite) -> F,
) -> Result<Option<T>, Error>
where
    T: Serialize + DeserializeOwned + Default + Copy,
    F: Future<Output = Result<(), Error>>,
{
    for _ in 0..TRIES {
        let (before, version) = versioned::<T>(hall, scope, of).await?;
        let mut after = before;
        if !change(&mut after) {
            return Ok(None);
        }
        let value = serde_json::to_vec(&after).map_err(|e| Error::Internal(e.to_string()))?;
        let write = StateWrite::put(scope, of.id.as_str(), value);
        let write = write.at_version(version).about(&of.id);
        match commit(write).await {
            Err(Error::Conflict(_)) => {}
            done => return done.map(|()| Some(before)),
        }
    }
    Err(Error::Conflict("what is kept about a conversation"))
}

/// What cannot be read is as if it were not there: it is nothing that was said.
fn read<T: DeserializeOwned + Default>(value: &[u8]) -> T {
    serde_json::from_slice(value).unwrap_or_default()
}
