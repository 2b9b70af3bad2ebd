//! What is kept of a user between two turns, and of a message for ten minutes.

use bytes::Bytes;
use maru_activity::Timestamp;
use maru_hall::StateWrite;
use maru_scenario::{Bubble, Effect, Keyboard, State, Turn};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::limits::{ANSWERS_KEPT, PAGE, STATE_BYTES_AT_HAND};
use crate::records::Records;
use crate::{AppRecord, Error, User};

/// The scope of the places of an app's users: one of its own, so that they go with the app.
pub(crate) fn users(app: &AppRecord) -> String {
    format!("chatflow/user/{}", app.id)
}

/// What a turn told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Told {
    /// The turn, as the API gives it.
    pub turn: Box<RawValue>,
    /// To whom the user was handed, if they were.
    #[serde(default)]
    pub handoff: Option<HandedTo>,
    /// Whether the session came to its end.
    #[serde(default)]
    pub ended: bool,
    /// What the user agreed to with it, or did not.
    #[serde(default)]
    pub consents: Vec<ConsentGiven>,
    /// This is an earlier answer again.
    #[serde(skip)]
    pub repeated: bool,
}

/// To whom a user was handed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedTo {
    /// The node.
    pub node: String,
    /// The group of agents that the scenario asks for.
    pub group: Option<String>,
}

/// An answer to a consent that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentGiven {
    /// The consent's name in the scenario.
    pub name: String,
    /// The version of its wording.
    pub version: String,
    /// When the user answered.
    pub at: Timestamp,
    /// What the answer was.
    pub agreed: bool,
}

/// The turn with what callers of the API learn beside it.
#[derive(Serialize)]
struct TurnWire<'a> {
    #[serde(flatten)]
    turn: &'a Turn,
    #[serde(skip_serializing_if = "Option::is_none")]
    handoff: Option<&'a HandedTo>,
}

impl Told {
    pub(crate) fn of(turn: &Turn, effects: &[Effect]) -> Result<Self, Error> {
        let handoff = effects.iter().find_map(|effect| match effect {
            Effect::Handoff { node, group } => {
                Some(HandedTo { node: node.clone(), group: group.clone() })
            }
            _ => None,
        });
        let consents = effects.iter().filter_map(|effect| match effect {
            Effect::Consent { name, version, at, agreed } => Some(ConsentGiven {
                name: name.clone(),
                version: version.clone(),
                at: *at,
                agreed: *agreed,
            }),
            _ => None,
        });
        let wire = TurnWire { turn, handoff: handoff.as_ref() };
        let raw = serde_json::value::to_raw_value(&wire)?;
        let (ended, consents) = (effects.contains(&Effect::Ended), consents.collect());
        Ok(Self { turn: raw, handoff, ended, consents, repeated: false })
    }

    /// What is said, and how the user answers.
    ///
    /// # Errors
    /// [`Error::Internal`] for an answer that was kept and is damaged.
    pub fn parts(&self) -> Result<(Vec<Bubble>, Keyboard), Error> {
        #[derive(Deserialize)]
        struct Parts {
            messages: Vec<Bubble>,
            keyboard: Keyboard,
        }
        let Parts { messages, keyboard } = serde_json::from_str(self.turn.get())?;
        Ok((messages, keyboard))
    }
}

/// A user's state as it was read.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) state: Option<State>,
    /// The version that a write expects; 0 for none.
    pub(crate) version: u64,
}

/// States as turns left them, so that the next one need not read them again. What is kept decides: a
/// state is taken from here only where its very bytes are found there.
#[derive(Debug)]
pub(crate) struct Left(Cache<String, (Bytes, State), ByBytes>);

#[derive(Clone, Debug)]
struct ByBytes;

impl Weighter<String, (Bytes, State)> for ByBytes {
    fn weight(&self, _: &String, (kept, _): &(Bytes, State)) -> u64 {
        kept.len() as u64
    }
}

impl Left {
    pub(crate) fn new() -> Self {
        Self(Cache::with_weighter(1_024, STATE_BYTES_AT_HAND, ByBytes))
    }

    fn take(&self, place: &str, kept: &Bytes) -> Option<State> {
        let (_, (bytes, state)) = self.0.remove(place)?;
        (bytes == kept).then_some(state)
    }

    /// Notes a state that was written as these bytes.
    pub(crate) fn put(&self, place: &str, kept: Bytes, state: State) {
        self.0.insert(place.to_owned(), (kept, state));
    }
}

impl Records {
    /// A user's place.
    ///
    /// # Errors
    /// [`Error::Unavailable`] for one that a later version of this program wrote,
    /// [`Error::Internal`] for one that is damaged: neither is overwritten, for it may be mended,
    /// and what the user agreed to stands in it. They can still be forgotten.
    pub(crate) async fn kept(&self, app: &AppRecord, place: &str) -> Result<Kept, Error> {
        let Some(found) = self.hall.state(&app.realm, &users(app), place).await? else {
            return Ok(Kept { state: None, version: 0 });
        };
        let state = match self.left.take(place, &found.value) {
            Some(state) => state,
            None => State::from_json(&found.value)?,
        };
        Ok(Kept { state: Some(state), version: found.version })
    }

    /// Whether anything is kept of a user, be it readable or not.
    pub(crate) async fn is_kept(&self, app: &AppRecord, place: &str) -> Result<bool, Error> {
        Ok(self.hall.state(&app.realm, &users(app), place).await?.is_some())
    }

    /// The answer to this message, if it was answered in the last ten minutes.
    pub(crate) async fn answered(
        &self,
        app: &AppRecord,
        place: &str,
        message: &str,
        now: Timestamp,
    ) -> Result<Option<Told>, Error> {
        let found = self.hall.state(&app.realm, &answers(place), message).await?;
        // What is past its time may still be there.
        let Some(found) = found.filter(|found| now.since(found.at) < ANSWERS_KEPT) else {
            return Ok(None);
        };
        let told: Told = serde_json::from_slice(&found.value)?;
        Ok(Some(Told { repeated: true, ..told }))
    }

    /// Takes away a user's place and all answers to them.
    ///
    /// # Errors
    /// [`Error::Conflict`] if they say something meanwhile; what the store says.
    pub(crate) async fn forget_user(&self, app: &AppRecord, place: &str) -> Result<(), Error> {
        let found = self.hall.state(&app.realm, &users(app), place).await?;
        let scope = answers(place);
        loop {
            let page = self.hall.states(&app.realm, &scope, None, PAGE).await?;
            let more = page.next.is_some();
            let gone = page.items.into_iter().map(|answer| StateWrite::delete(&*scope, answer.key));
            let gone: Vec<StateWrite> = gone.collect();
            if !gone.is_empty() {
                self.hall.write(&app.realm, gone, Vec::new()).await?;
            }
            if !more {
                break;
            }
        }
        // Where the log was erased, it went with that.
        let Some(found) = found else { return Ok(()) };
        let gone = StateWrite::delete(users(app), place).at_version(found.version);
        Ok(self.hall.write(&app.realm, vec![gone], Vec::new()).await?)
    }
}

/// The write of a user's place.
pub(crate) fn put_state(
    app: &AppRecord,
    user: &User,
    place: &str,
    state: &State,
    version: u64,
) -> StateWrite {
    let write = StateWrite::put(users(app), place, state.to_json()).at_version(version);
    write.about(&user.conversation(place))
}

/// The write of a message's answer.
pub(crate) fn put_answer(
    user: &User,
    place: &str,
    message: &str,
    told: &Told,
    now: Timestamp,
) -> Result<StateWrite, Error> {
    let value = Bytes::from(serde_json::to_vec(told)?);
    let write = StateWrite::put(answers(place), message, value);
    let write = write.about(&user.conversation(place));
    Ok(StateWrite { until: Some(now.after(ANSWERS_KEPT)), ..write })
}

/// The scope of the answers to a user: one of their own, so that all of them can be found.
fn answers(place: &str) -> String {
    format!("chatflow/answer/{place}")
}
