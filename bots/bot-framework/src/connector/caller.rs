//! Which bot calls, and what the path names.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Path, Query};
use http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Connector;
use crate::callback::Registered;
use crate::error::Error;

/// The bot whose capability is in the path.
pub(super) struct Called(pub(super) Arc<Registered>);

#[derive(Deserialize)]
struct Key {
    key: String,
}

impl FromRequestParts<Arc<Connector>> for Called {
    type Rejection = Error;

    async fn from_request_parts(
        parts: &mut Parts,
        connector: &Arc<Connector>,
    ) -> Result<Self, Error> {
        let Named(Key { key }) = Named::from_request_parts(parts, connector).await?;
        let records = connector.hall.directory().snapshot();
        let bot = connector.registry.find(&key, &records);
        bot.map(Self).ok_or(Error::Unauthorized)
    }
}

/// What the path names, percent-decoded once: SDKs send ids with `%7C` and with a bare `|`.
pub(super) struct Named<T>(pub(super) T);

/// A conversation.
#[derive(Deserialize)]
pub(super) struct InConversation {
    pub(super) conversation: String,
}

/// An activity of a conversation.
#[derive(Deserialize)]
pub(super) struct AtActivity {
    pub(super) conversation: String,
    pub(super) activity: String,
}

/// A member of a conversation.
#[derive(Deserialize)]
pub(super) struct AtMember {
    pub(super) conversation: String,
    pub(super) member: String,
}

/// An attachment.
#[derive(Deserialize)]
pub(super) struct AtAttachment {
    pub(super) attachment: String,
}

/// A view of an attachment.
#[derive(Deserialize)]
pub(super) struct AtView {
    pub(super) attachment: String,
    pub(super) view: String,
}

impl<T, S> FromRequestParts<S> for Named<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(named)) => Ok(Self(named)),
            Err(_) => Err(Error::Unreadable("the path is not UTF-8".into())),
        }
    }
}

/// What the query asks for.
pub(super) fn asked<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, Error> {
    match query {
        Ok(Query(asked)) => Ok(asked),
        Err(error) => Err(Error::Unreadable(error.body_text().into())),
    }
}
