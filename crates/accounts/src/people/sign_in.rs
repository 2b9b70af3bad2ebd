//! Signing in.

use std::net::IpAddr;
use std::time::Duration;

use maru_activity::RealmId;

use super::attempts::Counts;
use super::{People, PeopleError, Session, login_of};
use crate::{Error, Secret};

/// After so many failures within [`FAILURES_WITHIN`] a login is locked until that time is over.
pub const FAILURES_PER_LOGIN: u32 = 10;

/// After so many failures within [`FAILURES_WITHIN`] an address is locked until that time is over. A
/// whole floor of agents may come from one.
pub const FAILURES_PER_ADDRESS: u32 = 50;

/// For how long failures are counted together.
pub const FAILURES_WITHIN: Duration = Duration::from_secs(15 * 60);

/// Somebody who wants to sign in.
#[derive(Debug)]
pub struct SignIn<'a> {
    /// The realm. For one that does not exist take
    /// [`SYSTEM_REALM`](crate::SYSTEM_REALM), which has no people: the answer is then the same, and
    /// takes as long.
    pub realm: &'a RealmId,
    /// The login, as it was typed.
    pub login: &'a str,
    /// The password, as it was typed.
    pub password: &'a Secret,
    /// From where.
    pub address: IpAddr,
}

/// Somebody who has signed in.
#[derive(Debug)]
pub struct SignedIn {
    /// What they show from now on. Told this once.
    pub token: Secret,
    /// Their session.
    pub session: Session,
}

/// Why somebody was not let in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// No such person, another password, or disabled: which of them is not told.
    #[error("unknown login or wrong password")]
    Denied,
    /// Too many attempts have failed. It is told of unknown logins as it is of known ones, and to those
    /// with the right password as to others.
    #[error("too many attempts have failed")]
    Locked {
        /// When to try again.
        again_after: Duration,
    },
    /// What is to be the new password is none.
    #[error("a password has 10 to 1024 characters")]
    BadPassword,
    /// Too many sign in at once.
    #[error("too many sign in at once; try again")]
    Busy,
    /// The store did not do it, or a record is damaged.
    #[error(transparent)]
    Accounts(#[from] Error),
}

impl From<PeopleError> for SignInError {
    fn from(error: PeopleError) -> Self {
        match error {
            PeopleError::Accounts(error) => Self::Accounts(error),
            PeopleError::Busy => Self::Busy,
            PeopleError::BadPassword => Self::BadPassword,
            _ => Self::Denied,
        }
    }
}

/// Why somebody was not let in, as it is counted. Nobody who tries is told this.
enum Refused {
    Unknown,
    WrongPassword,
    Disabled,
    Other(SignInError),
}

impl Refused {
    fn word(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::WrongPassword => "wrong_password",
            Self::Disabled => "disabled",
            Self::Other(SignInError::Locked { .. }) => "locked",
            Self::Other(_) => "failed",
        }
    }
}

impl From<SignInError> for Refused {
    fn from(error: SignInError) -> Self {
        Self::Other(error)
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Other(error.into())
    }
}

impl From<Refused> for SignInError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Other(error) => error,
            Refused::Unknown | Refused::WrongPassword | Refused::Disabled => Self::Denied,
        }
    }
}

impl People {
    /// Lets somebody in. Whether there is such a person at all cannot be told by the answer, nor by how
    /// long it took.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn sign_in(&self, wanted: SignIn<'_>) -> Result<SignedIn, SignInError> {
        let tried = self.try_to_sign_in(wanted).await;
        self.tries.count(tried.as_ref().map_or_else(Refused::word, |_| "let_in"));
        Ok(tried?)
    }

    async fn try_to_sign_in(&self, wanted: SignIn<'_>) -> Result<SignedIn, Refused> {
        let SignIn { realm, login, password, address } = wanted;
        let typed = login.trim();
        let known_form = login_of(typed);
        let login = known_form.as_deref().unwrap_or(typed);
        let counts = Counts::of(login, address);
        self.count(realm, &counts).await?;

        let record = match &known_form {
            Some(login) => self.record(realm, login).await?.map(|(record, _)| record),
            None => None,
        };
        let kept = record.as_ref().map(|record| record.password.clone());
        let is_right = self.hasher.is_right(password, kept).await;
        let is_right = is_right.map_err(SignInError::from)?;
        let Some(record) = record else {
            tracing::info!(%realm, %address, "somebody unknown was not let in");
            return Err(Refused::Unknown);
        };
        if !is_right || record.person.disabled {
            let (person, disabled) = (&record.person.login, record.person.disabled);
            tracing::warn!(%realm, person, disabled, %address, "a person was not let in");
            return Err(if is_right { Refused::Disabled } else { Refused::WrongPassword });
        }

        let (token, session, write) = self.new_session(realm, &record.person, record.epoch)?;
        self.write(realm, vec![write, counts.forget_login()]).await?;
        self.uncount_address(realm, &counts).await?;
        tracing::info!(%realm, person = session.person.login, %address, "a person signed in");
        Ok(SignedIn { token, session })
    }

    /// Gives somebody who is signed in another password, if they know the one they have. All their
    /// sessions are over then. Failures are counted as those of signing in are.
    ///
    /// # Errors
    /// [`SignInError`]; [`SignInError::BadPassword`] for a new one that is not taken.
    pub async fn change_password(
        &self,
        session: &Session,
        old: &Secret,
        new: &Secret,
        address: IpAddr,
    ) -> Result<(), SignInError> {
        let (realm, login) = (&session.realm, session.person.login.as_str());
        let counts = Counts::of(login, address);
        self.count(realm, &counts).await?;
        let record = self.record(realm, login).await?;
        let kept = record.map(|(record, _)| record.password);
        if !self.hasher.is_right(old, kept).await? {
            tracing::warn!(%realm, person = login, %address, "a password was not changed: the old one was wrong");
            return Err(SignInError::Denied);
        }
        self.set_password(realm, login, new).await?;
        self.write(realm, vec![counts.forget_login()]).await?;
        Ok(self.uncount_address(realm, &counts).await?)
    }
}
