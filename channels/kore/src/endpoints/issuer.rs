//! Where assertions come from if the app's owner runs no issuer: the development issuer (kore-rtm.md
//! §1.1), and the API key's bootstrap (§1.2).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use maru_accounts::Secret;

use super::{parse, read_object};
use crate::Kore;
use crate::apps::App;
use crate::assertion::UNVOUCHED;
use crate::error::Error;
use crate::jwt::{self, Refusal, is_true};
use crate::limits::{ISSUED_TTL_SECS, SUBJECT_BYTES_MAX};
use crate::user::{User, bearer};
use crate::wire::issuer::{
    Bootstrap, BootstrapBot, BootstrapRequest, IssueRequest, Issued, IssuedClaims, IssuedWithBot,
};
use crate::wire::ok;

/// The audience that the documents name.
const AUDIENCE: &str = "https://idproxy.kore.com/authorize";

/// Signs an assertion for whoever asks, where the app's development issuer is on.
pub(crate) async fn sts(
    State(app): State<Arc<Kore>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let (jwt, _) = app.issue(&headers, body).await?;
    Ok(ok(&Issued { jwt }))
}

/// The same, with the app's bot beside it: what Android asks for when its user has logged in.
pub(crate) async fn with_bot(
    State(app): State<Arc<Kore>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let (jwt, of) = app.issue(&headers, body).await?;
    let bot = of.settings.bots.first().ok_or(Error::UnknownBot)?;
    Ok(ok(&IssuedWithBot { jwt, bot_name: &bot.name, stream_id: &bot.id }))
}

/// Signs an assertion for a page that has the app's API key. Everybody can read that in the page, so
/// nobody is vouched for: who a page says that its user is, is no more than its word.
pub(crate) async fn websdk(
    State(app): State<Arc<Kore>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let body = read_object(&headers, body).await?;
    let request: BootstrapRequest = parse(&body)?;
    let of = app.apps.by_api_key(app.hall.directory(), &request.api_key);
    let of = of.ok_or(Error::Unauthorized("invalid API key"))?;
    let bot = of.settings.bots.first().ok_or(Error::UnknownBot)?;
    let asked = request.ity.filter(|identity| !identity.is_empty());
    let identity = asked.clone().unwrap_or_else(|| app.hall.env().uuid().to_string());
    let subject = format!("{UNVOUCHED}{identity}");
    let jwt = app.sign(&of, &subject, asked.is_none(), false)?;
    Ok(ok(&Bootstrap {
        jwt,
        bot_info: BootstrapBot { name: &bot.name, id: &bot.id },
        ity: &identity,
    }))
}

impl Kore {
    /// An assertion of a development issuer, and its app.
    async fn issue(&self, headers: &HeaderMap, body: Body) -> Result<(String, Arc<App>), Error> {
        let body = read_object(headers, body).await?;
        let request: IssueRequest = parse(&body)?;
        if request.client_id.as_deref().is_none_or(str::is_empty)
            && let Some(user) = bearer(headers).and_then(|text| self.user_of_token(text).ok())
        {
            return self.issue_again(&user);
        }
        let app = self.issuing(&request)?;
        let identity = request.identity.filter(|identity| !identity.is_empty());
        let anonymous = identity.is_none() || is_true(request.is_anonymous.as_ref());
        let identity = identity.unwrap_or_else(|| self.hall.env().uuid().to_string());
        let jwt = self.sign(&app, &identity, anonymous, true)?;
        Ok((jwt, app))
    }

    /// A fresh assertion for the user of an access token.
    fn issue_again(&self, user: &User) -> Result<(String, Arc<App>), Error> {
        let app = Arc::clone(&user.app);
        if !app.settings.development_issuer {
            return Err(Error::UnknownPath);
        }
        let jwt = self.sign(&app, &user.subject, user.anonymous, user.is_verified())?;
        Ok((jwt, app))
    }

    /// The app whose development issuer is meant: the one that is named, or the only one there is.
    /// One that is off is not there.
    fn issuing(&self, request: &IssueRequest) -> Result<Arc<App>, Error> {
        let directory = self.hall.directory();
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let mut apps = match given(&request.client_id) {
            Some(client_id) => self.apps.by_client_id(directory, &client_id),
            None => self.apps.all(directory),
        };
        apps.retain(|app| app.settings.development_issuer);
        if apps.is_empty() {
            return Err(Error::UnknownPath);
        }
        if let Some(secret) = given(&request.client_secret).map(Secret::new) {
            apps.retain(|app| app.has_secret(&secret));
            if apps.is_empty() {
                return Err(Error::Unauthorized("invalid client secret"));
            }
        }
        match &apps[..] {
            [app] => Ok(Arc::clone(app)),
            _ => Err(Error::bad("'clientId' is missing")),
        }
    }

    /// Signs an assertion as the app's owner would.
    fn sign(
        &self,
        app: &App,
        subject: &str,
        anonymous: bool,
        vouched: bool,
    ) -> Result<String, Error> {
        if subject.len() > SUBJECT_BYTES_MAX {
            return Err(Error::Assertion(Refusal::Subject));
        }
        let now = self.hall.env().now().as_secs();
        let claims = IssuedClaims {
            iss: &app.settings.client_id,
            sub: subject,
            aud: AUDIENCE,
            iat: now,
            exp: now.saturating_add(ISSUED_TTL_SECS),
            is_anonymous: anonymous,
            self_declared: !vouched,
        };
        // The newest secret is the one that is meant to stay.
        let newest = app.settings.secrets.iter().max_by_key(|secret| secret.created_at);
        let secret = newest.and_then(|newest| app.secret(&newest.id));
        let mut algorithms = app.settings.algorithms.iter();
        let signed = secret.and_then(|secret| {
            algorithms.find_map(|algorithm| jwt::sign(*algorithm, secret, &claims))
        });
        signed
            .ok_or(Error::Forbidden("the app takes no assertions that are signed with its secret"))
    }
}
