//! Two places for the secrets that somebody signs with.

use std::ops::RangeInclusive;

use maru_activity::env::Env;

use crate::{InstanceKey, SealedSecret, Secret};

/// The length of a secret that is made here, in characters of base62: worth 256 bits.
const LENGTH: usize = 43;

/// How many places there are.
const PLACES: usize = 2;

/// How a record keeps the secrets that its owner signs with: sealed, since signatures are checked with
/// the secret itself, and in two places, so that one can change while the other is good.
#[derive(Clone, Debug)]
pub struct SigningSecrets {
    /// What they are for, as [`SealedSecret::seal`] takes it.
    pub purpose: &'static str,
    /// The fewest and the most bytes of one that is brought along.
    pub bytes: RangeInclusive<usize>,
}

/// What is wrong with secrets that somebody signs with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningSecretsError {
    /// There are more than places.
    #[error("at most {PLACES} are taken")]
    TooMany,
    /// Two have one id.
    #[error("the two must have different ids")]
    SameId,
    /// There is no such place.
    #[error("the two places are 0 and 1")]
    NoSuchPlace,
    /// One that was brought along is too short to be safe, or too long.
    #[error("a secret has {least} to {most} bytes")]
    Length {
        /// The fewest.
        least: usize,
        /// The most.
        most: usize,
    },
}

impl SigningSecrets {
    /// Makes a new one: the text, to be shown once, and what is kept of it.
    pub fn fresh(&self, env: &Env, key: &InstanceKey) -> (Secret, SealedSecret) {
        let secret = Secret::new(env.base62(LENGTH));
        let sealed = SealedSecret::seal(&secret, self.purpose, env, key);
        (secret, sealed)
    }

    /// Checks what a record keeps.
    ///
    /// # Errors
    /// [`SigningSecretsError::TooMany`], [`SigningSecretsError::SameId`].
    pub fn check(kept: &[SealedSecret]) -> Result<(), SigningSecretsError> {
        match kept {
            [one, other] if one.id == other.id => Err(SigningSecretsError::SameId),
            [] | [_] | [_, _] => Ok(()),
            _ => Err(SigningSecretsError::TooMany),
        }
    }

    /// Puts a new one in a place, `0` or `1`; the second may be empty. What was there is worth nothing
    /// once the record is kept, and neither is what was signed with it.
    ///
    /// # Errors
    /// [`SigningSecretsError::NoSuchPlace`].
    pub fn renew(
        &self,
        kept: &mut Vec<SealedSecret>,
        place: usize,
        env: &Env,
        key: &InstanceKey,
    ) -> Result<Secret, SigningSecretsError> {
        let (secret, sealed) = self.fresh(env, key);
        match kept.get_mut(place) {
            Some(there) => *there = sealed,
            None if place < PLACES => kept.push(sealed),
            None => return Err(SigningSecretsError::NoSuchPlace),
        }
        Ok(secret)
    }

    /// Puts an existing one in the first place, so that whoever signs with it goes on unchanged. One
    /// that is in a place already stays there.
    ///
    /// # Errors
    /// [`SigningSecretsError::Length`].
    pub fn bring(
        &self,
        kept: &mut Vec<SealedSecret>,
        plain: &Secret,
        env: &Env,
        key: &InstanceKey,
    ) -> Result<(), SigningSecretsError> {
        if !self.bytes.contains(&plain.expose().len()) {
            let (least, most) = (*self.bytes.start(), *self.bytes.end());
            return Err(SigningSecretsError::Length { least, most });
        }
        if kept.iter().any(|kept| kept.is(plain, self.purpose, key)) {
            return Ok(());
        }
        let sealed = SealedSecret::seal(plain, self.purpose, env, key);
        match kept.first_mut() {
            Some(first) => *first = sealed,
            None => kept.push(sealed),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    const SECRETS: SigningSecrets = SigningSecrets { purpose: "test/signing", bytes: 16..=512 };

    #[test]
    fn one_changes_while_the_other_is_good_and_one_that_is_kept_stays_where_it_is() {
        let (env, key) =
            (Env::system(), InstanceKey::from_text(&STANDARD.encode([7; 32])).unwrap());
        let mut kept = Vec::new();
        let texts = |kept: &[SealedSecret]| -> Vec<String> {
            let open = |kept: &SealedSecret| kept.open(SECRETS.purpose, &key).unwrap();
            kept.iter().map(|kept| open(kept).expose().to_owned()).collect()
        };
        let first = SECRETS.renew(&mut kept, 0, &env, &key).unwrap();
        let second = SECRETS.renew(&mut kept, 1, &env, &key).unwrap();
        assert_eq!(texts(&kept), [first.expose(), second.expose()]);
        let third = SECRETS.renew(&mut kept, 0, &env, &key).unwrap();
        assert_eq!(texts(&kept), [third.expose(), second.expose()]);
        let nowhere = SECRETS.renew(&mut kept, 2, &env, &key);
        assert_eq!(nowhere.unwrap_err(), SigningSecretsError::NoSuchPlace);

        let before = kept.clone();
        SECRETS.bring(&mut kept, &second, &env, &key).unwrap();
        assert_eq!(kept, before);
        for (length, is_taken) in [(15, false), (16, true), (512, true), (513, false)] {
            let own = Secret::new("x".repeat(length));
            assert_eq!(SECRETS.bring(&mut kept, &own, &env, &key).is_ok(), is_taken, "{length}");
        }
        assert_eq!(texts(&kept), ["x".repeat(512).as_str(), second.expose()]);

        assert_eq!(SigningSecrets::check(&kept), Ok(()));
        let twice = [kept[0].clone(), kept[0].clone()];
        assert_eq!(SigningSecrets::check(&twice), Err(SigningSecretsError::SameId));
        kept.push(twice[0].clone());
        assert_eq!(SigningSecrets::check(&kept), Err(SigningSecretsError::TooMany));
    }
}
