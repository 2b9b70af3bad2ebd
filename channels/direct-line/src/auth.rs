//! Who calls: the holder of a site's secret, or of a token for one conversation.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, header};
use maru_accounts::Verified;
use maru_activity::{ChannelId, ConversationId};

use crate::DirectLine;
use crate::error::{Error, SITE_GONE};
use crate::sites::Site;
use crate::token::{Claims, Ticket};

/// A credential that was checked, and that may be used from where it came.
#[derive(Debug)]
pub(crate) struct Credential {
    /// The site it belongs to.
    pub(crate) site: Arc<Site>,
    /// What it is.
    pub(crate) bearer: Bearer,
}

/// What was borne.
#[derive(Debug)]
pub(crate) enum Bearer {
    /// One of the site's two secrets, by its id. It opens all of the site's conversations.
    Secret(String),
    /// A token. It opens one.
    Token(Arc<Verified<Claims>>),
}

impl Credential {
    /// The claims, if it is a token.
    pub(crate) fn claims(&self) -> Option<&Claims> {
        match &self.bearer {
            Bearer::Secret(_) => None,
            Bearer::Token(token) => Some(&token.claims),
        }
    }

    /// The user it is bound to.
    pub(crate) fn user(&self) -> Option<&str> {
        self.claims().and_then(|claims| claims.user.as_deref())
    }

    /// The same rights for one conversation, to make a token or a ticket of.
    pub(crate) fn claims_for(&self, conversation: &ConversationId) -> Claims {
        match &self.bearer {
            Bearer::Secret(key) => {
                Claims::new(&self.site, key, conversation.clone(), None, Vec::new())
            }
            Bearer::Token(token) => token.claims.clone(),
        }
    }
}

impl FromRequestParts<Arc<DirectLine>> for Credential {
    type Rejection = Error;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<DirectLine>,
    ) -> Result<Self, Self::Rejection> {
        let text = bearer(&parts.headers)?;
        let credential = app.credential(text)?;
        let bound = credential.claims().map_or(&[][..], |claims| &claims.origins);
        check_origin(&credential.site, bound, &parts.headers)?;
        Ok(credential)
    }
}

impl DirectLine {
    /// Finds out what a bearer's text is.
    fn credential(&self, text: &str) -> Result<Credential, Error> {
        let directory = self.hall.directory();
        if let Some((site, key)) = self.sites.by_secret(directory, text) {
            return Ok(Credential { site, bearer: Bearer::Secret(key) });
        }
        let token = self.tokens.verify(text)?;
        let site = ChannelId::from(token.claims.site.as_str());
        let site = self.sites.get(directory, &token.realm, &site);
        let site = site.ok_or(Error::Forbidden(SITE_GONE))?;
        if site.settings.key(&token.claims.key).is_none() {
            return Err(Error::Forbidden("The secret behind the token was revoked"));
        }
        Ok(Credential { site, bearer: Bearer::Token(token) })
    }

    /// Checks a stream's ticket: the site behind it, and what it says.
    pub(crate) fn ticket(
        &self,
        text: Option<&str>,
        conversation: &str,
        headers: &HeaderMap,
    ) -> Result<(Arc<Site>, Ticket), Error> {
        let (realm, ticket) = Ticket::read(&self.accounts, text.ok_or(Error::BadTicket)?)?;
        let site = ChannelId::from(ticket.site.as_str());
        let site = self.sites.get(self.hall.directory(), &realm, &site).ok_or(Error::BadTicket)?;
        if ticket.conv.as_str() != conversation || site.settings.key(&ticket.key).is_none() {
            return Err(Error::BadTicket);
        }
        check_origin(&site, &ticket.origins, headers)?;
        Ok((site, ticket))
    }
}

/// The secret or token of a request. The scheme's name is matched whatever its case; older clients
/// call it `BotConnector`.
fn bearer(headers: &HeaderMap) -> Result<&str, Error> {
    let value = headers.get(header::AUTHORIZATION).ok_or(Error::NoCredential)?;
    let value = value.to_str().map_err(|_| Error::BadCredential)?;
    let (scheme, text) = value.trim().split_once(' ').ok_or(Error::NoCredential)?;
    let known = ["bearer", "botconnector"].iter().any(|name| scheme.eq_ignore_ascii_case(name));
    if known { Ok(text.trim()) } else { Err(Error::NoCredential) }
}

/// Refuses a browser's call from an origin that is not trusted. The site's own list wins over that
/// in a token; what says no origin is no browser, and passes (direct-line.md §1.1).
fn check_origin(site: &Site, bound: &[String], headers: &HeaderMap) -> Result<(), Error> {
    let own = &site.settings.trusted_origins;
    let trusted = if own.is_empty() { bound } else { own };
    let Some(origin) = headers.get(header::ORIGIN).filter(|_| !trusted.is_empty()) else {
        return Ok(());
    };
    let is = |trusted: &String| {
        let trusted = trusted.strip_suffix('/').unwrap_or(trusted);
        origin.as_bytes().eq_ignore_ascii_case(trusted.as_bytes())
    };
    if trusted.iter().any(is) { Ok(()) } else { Err(Error::Forbidden("The origin is not trusted")) }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_scheme_is_bearer_in_any_case_or_its_older_name() {
        let read = |value: &'static str| {
            let headers =
                HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(value))]);
            bearer(&headers).map(str::to_owned)
        };
        for good in ["Bearer x.y", "bearer x.y", "BEARER  x.y ", "BotConnector x.y"] {
            assert_eq!(read(good).as_deref(), Ok("x.y"), "{good}");
        }
        for bad in ["", "Bearer", "Basic x.y", "x.y"] {
            assert_eq!(read(bad), Err(Error::NoCredential), "{bad}");
        }
        assert_eq!(bearer(&HeaderMap::new()), Err(Error::NoCredential));
    }
}
