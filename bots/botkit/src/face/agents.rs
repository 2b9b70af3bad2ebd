//! Agents that the BotKit server bridges to.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use maru_activity::{Draft, Kind};
use maru_hall::{Post, StateWrite};
use serde_json::json;

use super::caller::InTurn;
use super::{BotKitFace, Done, done};
use crate::config::AgentTransfer;
use crate::error::Error;
use crate::kept::Standing;

/// An agent takes over: from now on what is said to the user is said by an agent.
pub(super) async fn start(State(face): State<Arc<BotKitFace>>, at: InTurn, body: Body) -> Done {
    face.read(body).await?;
    if at.remote.settings.agent_transfer == AgentTransfer::None {
        return Err(Error::NotSetUp("agent_transfer is \"none\" for this bot"));
    }
    face.hand_off(&at, true).await?;
    done()
}

/// The bot answers again.
pub(super) async fn clear(State(face): State<Arc<BotKitFace>>, at: InTurn, body: Body) -> Done {
    face.read(body).await?;
    face.hand_off(&at, false).await?;
    done()
}

impl BotKitFace {
    /// Notes that an agent is there or is not, and says so in the same commit. Saying it twice does
    /// nothing.
    pub(super) async fn hand_off(&self, at: &InTurn, to_agent: bool) -> Result<(), Error> {
        let now = self.hall.env().now();
        let change = |standing: &mut Standing| {
            let changes = standing.agent_since.is_some() != to_agent;
            standing.agent_since = to_agent.then_some(now);
            changes
        };
        let state = if to_agent { "accepted" } else { "completed" };
        let said = |write: StateWrite| async {
            let mut draft = Draft::new(&Kind::Event);
            draft.set_value("from", &at.remote.account);
            draft.set_text("name", "handoff.status");
            draft.set_value("value", &json!({"state": state}));
            let mut post = Post::bot(draft.finish()?);
            post.states.push(write);
            self.hall.post(&at.conversation, post).await.map(|_| ())
        };
        Standing::change(&self.hall, &at.conversation, change, said).await?;
        Ok(())
    }
}
