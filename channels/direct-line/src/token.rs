//! Tokens and stream tickets: what stands in them, and how they are made and read.

use maru_accounts::{Accounts, TokenError};
use maru_activity::{ConversationId, RealmId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::limits::{NOT_BEFORE_SLACK_SECS, TICKET_TTL_SECS};
use crate::sites::Site;

/// The audience of tokens, so that nothing else that a realm signs passes as one.
pub(crate) const AUDIENCE: &str = "directline";
/// The audience of stream tickets.
const TICKET_AUDIENCE: &str = "directline-stream";
const ISSUER: &str = "maru";

/// What a token says. It is bound to one conversation (direct-line.md §1.1);
/// botframework-directlinejs reads `user` out of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// The site's bot.
    pub(crate) bot: String,
    /// The site: the channel's id.
    pub(crate) site: String,
    /// The conversation, which need not be begun yet.
    pub(crate) conv: ConversationId,
    /// The user in whose name its bearer speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    /// The id of the secret that it was made with. Once that is rotated the token is worth nothing.
    pub(crate) key: String,
    /// The web origins from which browsers may use it; any, if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) origins: Vec<String>,
    /// From when on it is good, in seconds since the Unix epoch.
    pub(crate) nbf: i64,
    /// From when on it is not, in seconds since the Unix epoch.
    pub(crate) exp: i64,
    /// Who made it.
    pub(crate) iss: String,
}

/// A token for its bearer.
#[derive(Clone, Debug)]
pub(crate) struct Minted {
    /// The signed text.
    pub(crate) token: String,
    /// For how many seconds it is good.
    pub(crate) expires_in: u64,
}

impl Claims {
    /// What a new token of a site says.
    pub(crate) fn new(
        site: &Site,
        key: &str,
        conversation: ConversationId,
        user: Option<String>,
        origins: Vec<String>,
    ) -> Self {
        Self {
            bot: site.channel.bot.to_string(),
            site: site.channel.id.to_string(),
            conv: conversation,
            user,
            key: key.to_owned(),
            origins,
            nbf: 0,
            exp: 0,
            iss: ISSUER.to_owned(),
        }
    }

    /// Signs them, good from `now` on for as long as the site's tokens are.
    pub(crate) fn mint(
        mut self,
        accounts: &Accounts,
        site: &Site,
        now: Timestamp,
    ) -> Result<Minted, Error> {
        let expires_in = site.settings.token_ttl_secs;
        self.nbf = now.as_secs() - NOT_BEFORE_SLACK_SECS;
        self.exp = now.as_secs().saturating_add(i64::try_from(expires_in).unwrap_or(i64::MAX));
        let token = accounts.sign(&site.channel.realm, AUDIENCE, &self)?;
        Ok(Minted { token, expires_in })
    }
}

impl From<TokenError> for Error {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Expired => Self::TokenExpired,
            TokenError::Malformed
            | TokenError::UnknownKey
            | TokenError::BadSignature
            | TokenError::NotYet
            | TokenError::WrongAudience => Self::BadCredential,
        }
    }
}

/// What a stream's ticket says. It is stateless: good for any number of sockets until it expires,
/// and a socket that is open outlives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ticket {
    /// The site: the channel's id.
    pub(crate) site: String,
    /// The conversation.
    pub(crate) conv: ConversationId,
    /// The id of the secret behind it all.
    pub(crate) key: String,
    /// The web origins from which browsers may use it; any, if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) origins: Vec<String>,
    nbf: i64,
    exp: i64,
}

impl Ticket {
    /// A signed ticket, good from `now` on for a minute.
    pub(crate) fn sign(
        accounts: &Accounts,
        claims: &Claims,
        realm: &RealmId,
        now: Timestamp,
    ) -> Result<String, Error> {
        let ticket = Self {
            site: claims.site.clone(),
            conv: claims.conv.clone(),
            key: claims.key.clone(),
            origins: claims.origins.clone(),
            nbf: now.as_secs() - NOT_BEFORE_SLACK_SECS,
            exp: now.as_secs().saturating_add(TICKET_TTL_SECS),
        };
        Ok(accounts.sign(realm, TICKET_AUDIENCE, &ticket)?)
    }

    /// Reads a ticket that is good now. Late and forged ones are refused alike.
    pub(crate) fn read(accounts: &Accounts, text: &str) -> Result<(RealmId, Self), Error> {
        accounts.verify(text, TICKET_AUDIENCE).map_err(|_| Error::BadTicket)
    }
}
