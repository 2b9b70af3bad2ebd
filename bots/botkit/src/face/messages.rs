//! What is said to the user, and what is passed on to the bot behind.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use maru_activity::{Account, Activity, Draft, Invalid, Kind, Role};
use maru_hall::{Meta, Post};
use serde_json::value::RawValue;

use super::caller::InTurn;
use super::{BotKitFace, Done, done};
use crate::backend::Answered;
use crate::config::AgentTransfer;
use crate::error::Error;
use crate::kept::{Session, Standing};
use crate::map::{Spoken, spoken};
use crate::outbound::OWN_VARIABLES;
use crate::wire::call::{Call, Hooked};

/// Says something to the user. While an agent answers, it is the agent who says it.
pub(super) async fn to_user(State(face): State<Arc<BotKitFace>>, at: InTurn, body: Body) -> Done {
    let call = face.read(body).await?;
    face.keep_session(&at, &call).await?;
    if let Some(answered) = Answered::of(&call)
        && face.say_again(&at, &call, answered).await?
    {
        return done();
    }
    let (said, is_template) = call.said();
    face.say(&at, spoken(said, is_template)).await?;
    done()
}

/// Passes a message on to the bot behind: answers once it is on disk. That bot's answers are events.
pub(super) async fn to_bot(State(face): State<Arc<BotKitFace>>, at: InTurn, body: Body) -> Done {
    let call = face.read(body).await?;
    face.keep_session(&at, &call).await?;
    face.ask(at, call).await?;
    done()
}

/// Notes a user's verdict where operators find it and users do not: as a trace.
pub(super) async fn feedback(State(face): State<Arc<BotKitFace>>, at: InTurn, body: Body) -> Done {
    let call = face.read(body).await?;
    if !call.feedback_data.is_object() {
        return Err(Error::Unreadable("'feedbackData' is missing".into()));
    }
    let mut draft = Draft::new(&Kind::Trace);
    draft.set_value("from", &at.remote.account);
    draft.set_text("name", "botkit/feedback");
    draft.set_text("label", "Feedback");
    draft.set_value("value", &call.feedback_data);
    face.say_one(&at, draft).await?;
    done()
}

/// The late answer of a webhook: an event of the node's name, with the context as it is now.
pub(super) async fn hooked(State(face): State<Arc<BotKitFace>>, at: InTurn, body: Body) -> Done {
    let call = face.read(body).await?;
    face.keep_session(&at, &call).await?;
    let mut draft = Draft::new(&Kind::Event);
    draft.set_value("from", &at.remote.account);
    draft.set_text("name", call.component_name.as_str().unwrap_or("webhook"));
    let value = RawValue::from_string(Hooked::of(call).value());
    draft.set("value", value.map_err(|error| Error::Unreadable(error.to_string().into()))?);
    face.say_one(&at, draft).await?;
    done()
}

impl BotKitFace {
    /// Says these, all or, if one of them is too large, none.
    pub(crate) async fn say(&self, at: &InTurn, said: Vec<Spoken>) -> Result<(), Error> {
        let (role, account) = self.speaker(at).await?;
        let reply_to = at.turn.reply_to();
        let mut posts = Vec::with_capacity(said.len());
        for spoken in said {
            posts.push(self.within_limits(spoken.activity(&account, reply_to.as_deref())?)?);
        }
        for (activity, meta) in posts {
            let post = Post { role, meta, ..Post::bot(activity) };
            self.hall.post(&at.conversation, post).await?;
        }
        Ok(())
    }

    /// Who speaks: the bot; while an agent is there, that one.
    pub(crate) async fn speaker(&self, at: &InTurn) -> Result<(Role, Account), Error> {
        let account = at.remote.account.clone();
        if at.remote.settings.agent_transfer == AgentTransfer::None {
            return Ok((Role::Bot, account));
        }
        let standing = Standing::of(&self.hall, &at.conversation).await?;
        Ok(match standing.agent_since {
            None => (Role::Bot, account),
            Some(_) => {
                let role = Some(Role::Agent.as_str().to_owned());
                (Role::Agent, Account { role, ..account })
            }
        })
    }

    async fn say_one(&self, at: &InTurn, draft: Draft<'_>) -> Result<(), Error> {
        let said = self.within_limits((draft.finish()?, Meta::default()))?;
        self.post(&at.conversation, said).await
    }

    /// A template counts twice: as it came, and in Maru's own words.
    fn within_limits(&self, said: (Activity, Meta)) -> Result<(Activity, Meta), Error> {
        let limit = self.limits.activity_bytes_max;
        let native = said.1.native.as_ref().map_or(0, |native| native.body.to_string().len());
        let bytes = said.0.body.len().max(native);
        if bytes > limit {
            return Err(Invalid::TooLarge { bytes, limit }.into());
        }
        Ok(said)
    }

    /// Keeps what BotKit code put into the session, if it changed anything.
    async fn keep_session(&self, at: &InTurn, call: &Call) -> Result<(), Error> {
        let (bot_user, user) = (call.session("BotUserSession"), call.session("UserSession"));
        if bot_user.is_none() && user.is_none() {
            return Ok(());
        }
        let mut given = Session {
            bot_user: bot_user.cloned().unwrap_or_default(),
            user: user.cloned().unwrap_or_default(),
        };
        given.bot_user.retain(|name, _| !OWN_VARIABLES.contains(&name.as_str()));
        let kept = Session::of(&self.hall, &at.conversation).await?;
        if given != kept {
            given.keep(&self.hall, &at.conversation).await?;
        }
        Ok(())
    }
}
