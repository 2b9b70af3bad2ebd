//! Beginning anew, and what needs nothing done.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use maru_activity::{Draft, Kind};
use maru_hall::{Meta, StateWrite};

use super::caller::InTurn;
use super::{BotKitFace, Done, done};
use crate::kept::Standing;
use crate::outbound::end;

/// Begins another conversation with the bot behind.
pub(super) async fn reset(State(face): State<Arc<BotKitFace>>, at: InTurn, body: Body) -> Done {
    face.read(body).await?;
    let begin_anew = |standing: &mut Standing| {
        standing.round = standing.round.wrapping_add(1);
        true
    };
    let of = &at.conversation;
    let write = |write: StateWrite| face.hall.write(&of.realm, vec![write], Vec::new());
    Standing::change(&face.hall, of, begin_anew, write).await?;
    done()
}

/// Ends the session: its variables, an agent's being there, the conversation with the bot behind. The
/// user is told that it is over, and may go on: that begins another.
pub(super) async fn clear(State(face): State<Arc<BotKitFace>>, at: InTurn, body: Body) -> Done {
    face.read(body).await?;
    face.hand_off(&at, false).await?;
    let mut draft = Draft::new(&Kind::EndOfConversation);
    draft.set_value("from", &at.remote.account);
    draft.set_text("code", "completedSuccessfully");
    face.post(&at.conversation, (draft.finish()?, Meta::default())).await?;
    end(&face.hall, &at.conversation).await?;
    done()
}

/// Nothing: what is skipped is not said anyway, and a request id is good for as long as its
/// conversation is there.
pub(super) async fn nothing(State(face): State<Arc<BotKitFace>>, _: InTurn, body: Body) -> Done {
    face.read(body).await?;
    done()
}
