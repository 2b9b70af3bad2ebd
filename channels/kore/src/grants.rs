//! Access tokens: what stands in them, and how they are made and read. They are kept nowhere.

use maru_accounts::TokenError;
use maru_activity::{ChannelId, RealmId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Kore;
use crate::error::Error;
use crate::user::User;

/// The audience of access tokens, so that nothing else that a realm signs passes as one.
const AUDIENCE: &str = "kore";

/// What stands for the key in the grant of a user for whom nobody vouched.
pub(crate) const NO_KEY: &str = "anonymous";

/// What an access token says of its user, and of what vouched for them. A ticket says the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Grant {
    /// The app: the channel's id.
    pub(crate) app: ChannelId,
    /// The id of the client secret or public key that signed the assertion, or [`NO_KEY`]. Once
    /// the app has it no longer, the grant is worth nothing.
    pub(crate) key: String,
    /// The user.
    pub(crate) sub: Box<str>,
    /// This grant's own random id.
    pub(crate) grant: Box<str>,
    /// Whether the user is anonymous by their own word or their issuer's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) anonymous: bool,
    /// Whether nobody vouched for who the user is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) unvouched: bool,
    /// The user's first name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) first: Option<Box<str>>,
    /// The user's last name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last: Option<Box<str>>,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    #[serde(flatten)]
    grant: Grant,
    exp: i64,
}

/// An access token for its bearer.
pub(crate) struct AccessToken {
    /// The signed text.
    pub(crate) text: String,
    /// From when on it is good.
    pub(crate) issued_at: Timestamp,
    /// Until when it is good.
    pub(crate) expires_at: Timestamp,
}

impl Kore {
    /// Makes an access token for a user.
    pub(crate) fn grant(&self, user: &User) -> Result<AccessToken, Error> {
        let ttl = i64::try_from(user.app.settings.token_ttl_secs).unwrap_or(i64::MAX);
        let issued_at = self.hall.env().now();
        let exp = issued_at.as_secs().saturating_add(ttl);
        let claims = Claims { grant: user.as_grant(), exp };
        let text = self.accounts.sign(&user.app.channel.realm, AUDIENCE, &claims)?;
        self.metrics.grants.inc();
        Ok(AccessToken { text, issued_at, expires_at: Timestamp::from_secs(exp) })
    }

    /// The user of an access token. Whatever is wrong with it, the answer is the one that makes
    /// every SDK begin anew.
    pub(crate) fn user_of_token(&self, text: &str) -> Result<User, Error> {
        // The documents' sample has a dash in front that no SDK sends (kore-rtm.md §4).
        let text = text.strip_prefix('-').unwrap_or(text);
        let verified: Result<(RealmId, Claims), TokenError> = self.accounts.verify(text, AUDIENCE);
        let (realm, claims) = verified.map_err(|_| Error::TokenExpired)?;
        self.user_of_grant(&realm, claims.grant).ok_or(Error::TokenExpired)
    }

    /// The user of a grant, if its app is still there and still has what vouched for them.
    pub(crate) fn user_of_grant(&self, realm: &RealmId, grant: Grant) -> Option<User> {
        let app = self.apps.get(self.hall.directory(), realm, &grant.app)?;
        let good = match grant.key.as_str() {
            NO_KEY => app.settings.anonymous,
            key => app.has_key(key),
        };
        good.then(|| User::of_grant(app, grant))
    }
}
