//! Who calls: a user of an app, by an access token or, in the webhook channel, by an assertion.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, header};
use maru_activity::Account;

use crate::Kore;
use crate::apps::App;
use crate::error::Error;
use crate::grants::Grant;
use crate::ids::{hex24_of, uuid_of};
use crate::jwt::Refusal;
use crate::limits::SUBJECT_BYTES_MAX;

/// What stands in the place of a grant's id for whoever calls in webhook mode.
const WEBHOOK_GRANT: &str = "webhook";

/// A user of an app, as a grant says.
#[derive(Clone, Debug)]
pub(crate) struct User {
    /// The app.
    pub(crate) app: Arc<App>,
    /// Who they are: the assertion's `sub`. It is the same for each grant and device.
    pub(crate) subject: Box<str>,
    /// Whether they are anonymous, by their issuer's word or because nobody vouched for them.
    pub(crate) anonymous: bool,
    /// Whether nobody vouched for who they are.
    unvouched: bool,
    /// Their first name.
    pub(crate) first_name: Option<Box<str>>,
    /// Their last name.
    pub(crate) last_name: Option<Box<str>>,
    /// The grant's random id: it tells apart one client of the user from another.
    pub(crate) grant: Box<str>,
    /// The id of what vouched for them.
    pub(crate) key: String,
}

impl User {
    pub(crate) fn of_grant(app: Arc<App>, grant: Grant) -> Self {
        Self {
            app,
            subject: grant.sub,
            anonymous: grant.anonymous,
            unvouched: grant.unvouched,
            first_name: grant.first,
            last_name: grant.last,
            grant: grant.grant,
            key: grant.key,
        }
    }

    pub(crate) fn as_grant(&self) -> Grant {
        Grant {
            app: self.app.channel.id.clone(),
            key: self.key.clone(),
            sub: self.subject.clone(),
            grant: self.grant.clone(),
            anonymous: self.anonymous,
            unvouched: self.unvouched,
            first: self.first_name.clone(),
            last: self.last_name.clone(),
        }
    }

    /// Whether the app's owner vouched for who they are.
    pub(crate) fn is_verified(&self) -> bool {
        !self.unvouched
    }

    /// `userId`: `u-` and a UUID.
    pub(crate) fn id(&self) -> String {
        format!("u-{}", uuid_of(&["user", self.client_id(), &self.subject]))
    }

    /// `accountId`: that of the app's owner.
    pub(crate) fn account_id(&self) -> String {
        hex24_of(&["account", self.client_id()])
    }

    /// `orgId`: that of the app's owner.
    pub(crate) fn org_id(&self) -> String {
        format!("o-{}", uuid_of(&["organization", self.client_id()]))
    }

    /// `identity`: the user as their app calls them.
    pub(crate) fn identity(&self) -> String {
        format!("{}/{}", self.client_id(), self.subject)
    }

    /// The user as a participant.
    pub(crate) fn account(&self) -> Account {
        let names = [&self.first_name, &self.last_name].into_iter().flatten();
        let name = names.map(AsRef::as_ref).collect::<Vec<_>>().join(" ");
        Account {
            id: self.subject.to_string(),
            name: Some(name).filter(|name| !name.is_empty()),
            role: Some("user".to_owned()),
        }
    }

    fn client_id(&self) -> &str {
        &self.app.settings.client_id
    }
}

impl FromRequestParts<Arc<Kore>> for User {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<Kore>) -> Result<Self, Error> {
        app.user_of_token(bearer(&parts.headers).ok_or(Error::TokenExpired)?)
    }
}

/// A user who shows the assertion itself: whoever calls in webhook mode (kore-rtm.md §1.8).
#[derive(Clone, Debug)]
pub(crate) struct Asserted {
    /// The user.
    pub(crate) user: User,
    /// Who the assertion says the user is, if it says it apart from its `sub`.
    user_identity: Option<String>,
    /// It is a server's own, which speaks for whom it likes.
    pub(crate) for_app: bool,
}

impl Asserted {
    /// The user whom a call names, as far as the assertion lets it: the one it was signed for, or,
    /// of a server's own, whoever is named.
    pub(crate) fn named(self, name: Option<&str>) -> Result<User, Error> {
        let Self { mut user, user_identity, for_app } = self;
        if let Some(identity) = user_identity {
            if name.is_some_and(|name| name != identity) {
                return Err(Error::Forbidden("'from.id' is not the user of the assertion"));
            }
            user.subject = identity.into();
        } else if let Some(name) = name.filter(|_| for_app) {
            user.subject = name.into();
        }
        if user.subject.is_empty() || user.subject.len() > SUBJECT_BYTES_MAX {
            return Err(Error::bad("a user's id has 1 to 256 bytes"));
        }
        // Such a client has no socket whose place would have to be told from others.
        user.grant = WEBHOOK_GRANT.into();
        Ok(user)
    }
}

impl FromRequestParts<Arc<Kore>> for Asserted {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<Kore>) -> Result<Self, Error> {
        let text = bearer(&parts.headers).ok_or(Error::Assertion(Refusal::Malformed))?;
        let (user, claims) =
            app.user_of_assertion(text).inspect_err(|error| app.note_refusal(error))?;
        Ok(Self { user, user_identity: claims.user_identity, for_app: claims.for_app })
    }
}

/// What stands behind `bearer`, in whatever case that is written.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, text) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| text.trim()).filter(|text| !text.is_empty())
}
