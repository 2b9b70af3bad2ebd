//! Passwords: how they are checked and kept.

use std::ops::RangeInclusive;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{Error as HashError, PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use maru_activity::env::Env;
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use super::PeopleError;
use crate::Secret;

/// How many characters a password may have. Nothing else is asked of it: length is what makes one hard to
/// guess.
pub const PASSWORD_CHARS: RangeInclusive<usize> = 10..=1024;

/// The parameters of argon2id: memory in KiB, passes, lanes. The first that OWASP's cheat sheet on the
/// storing of passwords gives.
const MEMORY: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// The length of a salt, in bytes: what the PHC string format recommends.
const SALT: usize = 16;

/// How many passwords are hashed at once: each takes a core and [`MEMORY`].
const AT_ONCE: usize = 2;

/// How many may wait for that. More at a time is no rush to work but an attack.
const WAITING_MAX: usize = 64;

/// A fresh password: 20 characters of base62, worth 119 bits.
pub fn made_password(env: &Env) -> Secret {
    Secret::new(env.base62(20))
}

/// Hashes passwords, off the runtime and not too many at once.
#[derive(Debug)]
pub(super) struct Hasher {
    waiting: Semaphore,
    places: Semaphore,
}

impl Default for Hasher {
    fn default() -> Self {
        Self { waiting: Semaphore::new(AT_ONCE + WAITING_MAX), places: Semaphore::new(AT_ONCE) }
    }
}

impl Hasher {
    /// What is kept of a password that somebody wants to have: a string in the PHC format.
    pub(super) async fn hash(&self, env: &Env, password: &Secret) -> Result<String, PeopleError> {
        let password = normalized(password);
        if !PASSWORD_CHARS.contains(&password.chars().count()) {
            return Err(PeopleError::BadPassword);
        }
        let mut salt = [0; SALT];
        env.random.fill(&mut salt);
        let hashed = self.run(move || {
            Ok(argon2()?.hash_password_with_salt(password.as_bytes(), &salt)?.to_string())
        });
        hashed.await?.map_err(|error| PeopleError::Hash(error.to_string()))
    }

    /// Whether the password is the one of which that is kept. With nothing kept it is not, after as
    /// much work.
    pub(super) async fn is_right(
        &self,
        password: &Secret,
        kept: Option<String>,
    ) -> Result<bool, PeopleError> {
        let password = normalized(password);
        let checked = self.run(move || match kept {
            Some(kept) => {
                argon2()?.verify_password(password.as_bytes(), &PasswordHash::new(&kept)?)
            }
            None => {
                argon2()?.hash_password_with_salt(password.as_bytes(), &[0; SALT])?;
                Err(HashError::PasswordInvalid)
            }
        });
        match checked.await? {
            Ok(()) => Ok(true),
            Err(HashError::PasswordInvalid) => Ok(false),
            Err(error) => Err(PeopleError::Hash(error.to_string())),
        }
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashError> + Send + 'static,
    ) -> Result<Result<T, HashError>, PeopleError> {
        let _waiting = self.waiting.try_acquire().map_err(|_| PeopleError::Busy)?;
        let _place = self.places.acquire().await.map_err(|_| PeopleError::Busy)?;
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|error| PeopleError::Hash(error.to_string()))
    }
}

fn argon2() -> Result<Argon2<'static>, HashError> {
    let params = Params::new(MEMORY, PASSES, LANES, None).map_err(|_| HashError::ParamsInvalid)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// One keyboard writes 각 as one character and another as three.
fn normalized(password: &Secret) -> Zeroizing<String> {
    Zeroizing::new(password.expose().nfkc().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_kept_so_that_only_it_is_right() {
        let (hasher, env) = (Hasher::default(), Env::system());
        let password = Secret::new("마루 위의 고양이 한 마리");
        let kept = hasher.hash(&env, &password).await.unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert_ne!(kept, hasher.hash(&env, &password).await.unwrap(), "each has its salt");

        let decomposed = Secret::new(password.expose().nfd().collect::<String>());
        assert_ne!(decomposed.expose(), password.expose());
        for (given, right) in [
            (&password, true),
            (&decomposed, true),
            (&Secret::new("마루 위의 고양이 두 마리"), false),
            (&Secret::new(""), false),
            (&Secret::new(kept.clone()), false),
        ] {
            assert_eq!(hasher.is_right(given, Some(kept.clone())).await.unwrap(), right);
            assert!(!hasher.is_right(given, None).await.unwrap());
        }
    }

    #[tokio::test]
    async fn a_password_has_ten_to_1024_characters() {
        let (hasher, env) = (Hasher::default(), Env::system());
        for (length, taken) in [(0, false), (9, false), (10, true), (1024, true), (1025, false)] {
            let hashed = hasher.hash(&env, &Secret::new("한".repeat(length))).await;
            assert_eq!(hashed.is_ok(), taken, "{length}");
        }
    }
}
