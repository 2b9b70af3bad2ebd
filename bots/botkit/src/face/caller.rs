//! Which server calls, and for which turn.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use http::HeaderName;
use http::request::Parts;
use maru_hall::Conversation;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::BotKitFace;
use crate::error::Error;
use crate::ids::TurnId;
use crate::outbound::Remote;

/// Where BotKit shows its token.
const AUTH: HeaderName = HeaderName::from_static("auth");

/// The server whose token the call shows. There is no telling a wrong token from an unknown bot.
pub(super) struct Called(pub(super) Arc<Remote>);

/// The same, for a turn of one of its bot's conversations.
pub(crate) struct InTurn {
    pub(crate) remote: Arc<Remote>,
    pub(crate) conversation: Arc<Conversation>,
    pub(crate) turn: TurnId,
}

#[derive(Deserialize)]
struct Bot {
    bot: String,
}

#[derive(Deserialize)]
struct Request {
    request: String,
}

impl FromRequestParts<Arc<BotKitFace>> for Called {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, face: &Arc<BotKitFace>) -> Result<Self, Error> {
        let Bot { bot } = named(parts, face).await?;
        let token = parts.headers.get(AUTH).and_then(|token| token.to_str().ok());
        let remote = token.and_then(|token| face.called_by(&bot, token));
        remote.map(Self).ok_or(Error::BadToken)
    }
}

impl FromRequestParts<Arc<BotKitFace>> for InTurn {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, face: &Arc<BotKitFace>) -> Result<Self, Error> {
        let Called(remote) = Called::from_request_parts(parts, face).await?;
        let Request { request } = named(parts, face).await?;
        let turn = TurnId::parse(&request).ok_or(Error::UnknownRequest)?;
        let conversation = face.conversation(&remote, &turn.conversation).await?;
        Ok(Self { remote, conversation, turn })
    }
}

/// What the path names, percent-decoded once.
async fn named<T: DeserializeOwned + Send>(
    parts: &mut Parts,
    face: &Arc<BotKitFace>,
) -> Result<T, Error> {
    match Path::<T>::from_request_parts(parts, face).await {
        Ok(Path(named)) => Ok(named),
        Err(_) => Err(Error::Unreadable("the path is not UTF-8".into())),
    }
}
