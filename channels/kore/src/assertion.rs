//! Users by the assertions that their app's owner signed for them.

use std::sync::Arc;

use maru_hall::StateWrite;

use crate::Kore;
use crate::apps::App;
use crate::error::Error;
use crate::grants::{Grant, NO_KEY};
use crate::ids;
use crate::jwt::{Assertion, Claims, Refusal};
use crate::limits::{NAME_BYTES_MAX, SUBJECT_BYTES_MAX};
use crate::user::User;

/// The scope of the assertions with a `jti` that were used, by app and digest.
const USED: &str = "kore/jti";

/// The length of a grant's id: 95 random bits.
const GRANT_LENGTH: usize = 16;

/// What stands before the id of a user for whom nobody vouched, so that none takes the place of one
/// for whom somebody did.
pub(crate) const UNVOUCHED: &str = "anonymous:";

impl Kore {
    /// The user of an assertion, by the configuration of its app alone; and what it says.
    pub(crate) fn user_of_assertion(&self, text: &str) -> Result<(User, Claims), Error> {
        let (app, key, claims) = self.verify(text)?;
        let grant = Grant {
            app: app.channel.id.clone(),
            key,
            sub: claims.subject.as_str().into(),
            grant: self.hall.env().base62(GRANT_LENGTH).into(),
            anonymous: claims.anonymous,
            unvouched: claims.self_declared,
            first: claims.first_name.as_deref().map(name),
            last: claims.last_name.as_deref().map(name),
        };
        Ok((User::of_grant(app, grant), claims))
    }

    /// Counts an assertion that was refused, and says why to whoever looks for it.
    pub(crate) fn note_refusal(&self, error: &Error) {
        if let Error::Assertion(refusal) = error {
            self.metrics.refused.inc();
            tracing::debug!(%refusal, "an assertion was refused");
        }
    }

    fn verify(&self, text: &str) -> Result<(Arc<App>, String, Claims), Refusal> {
        let assertion = Assertion::parse(text)?;
        let apps = self.apps.by_client_id(self.hall.directory(), &assertion.claims.issuer);
        let mut refusal = Refusal::UnknownClient;
        for app in apps {
            let algorithms = &app.settings.algorithms;
            match assertion.verify(algorithms, &app.secrets, &app.public_keys) {
                Ok(key) => {
                    assertion.claims.check(self.hall.env().now())?;
                    return Ok((app, key, assertion.claims));
                }
                Err(why) => refusal = why,
            }
        }
        Err(refusal)
    }

    /// The user of an assertion that is used up by it, if it has a `jti`.
    pub(crate) async fn take(&self, text: &str) -> Result<User, Error> {
        let (user, claims) = self.user_of_assertion(text)?;
        self.use_up(&user, &claims).await?;
        Ok(user)
    }

    /// On any number of nodes it is good once.
    async fn use_up(&self, user: &User, claims: &Claims) -> Result<(), Error> {
        let Some(id) = &claims.id else { return Ok(()) };
        let app = &user.app;
        let key = format!("{}/{}", app.channel.id, ids::hex(&ids::digest(&[id])));
        let used = StateWrite {
            until: Some(claims.remembered_until()),
            ..StateWrite::put(USED, key, "1").at_version(0)
        };
        match self.hall.write(&app.channel.realm, vec![used], Vec::new()).await {
            Err(maru_hall::Error::Conflict(_)) => Err(Refusal::Replay.into()),
            written => Ok(written?),
        }
    }

    /// A user for whom nobody vouches, under an id of their own choice; if the app allows it.
    pub(crate) fn anonymous_user(&self, client_id: &str, subject: &str) -> Result<User, Error> {
        let apps = self.apps.by_client_id(self.hall.directory(), client_id);
        let mut open = apps.into_iter().filter(|app| app.settings.anonymous);
        // With two there is no telling which is meant; that it is not open and that it is not there
        // is told alike.
        let (Some(app), None) = (open.next(), open.next()) else {
            return Err(Error::Assertion(Refusal::UnknownClient));
        };
        if subject.is_empty() || subject.len() + UNVOUCHED.len() > SUBJECT_BYTES_MAX {
            return Err(Error::Assertion(Refusal::Subject));
        }
        let grant = Grant {
            app: app.channel.id.clone(),
            key: NO_KEY.to_owned(),
            sub: format!("{UNVOUCHED}{subject}").into(),
            grant: self.hall.env().base62(GRANT_LENGTH).into(),
            anonymous: true,
            unvouched: true,
            first: None,
            last: None,
        };
        Ok(User::of_grant(app, grant))
    }
}

/// A name, cut between characters if it is too long.
fn name(text: &str) -> Box<str> {
    let mut end = text.len().min(NAME_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().into()
}
