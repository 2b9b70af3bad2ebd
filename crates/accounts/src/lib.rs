//! Realms and their keys, people and their sessions, machine secrets, and the instance key.
//!
//! Three kinds of secret, three ways to keep them:
//!
//! - what Maru must read back (signing keys, [`SealedSecret`]) is sealed with the one [`InstanceKey`];
//! - what a machine shows to Maru ([`MachineSecret`]) is kept as a hash and found by its id;
//! - what Maru's operator writes into a setting may be a reference ([`resolve_reference`]).
//!
//! What people choose is guessed, so of a password an argon2id hash is kept ([`People`]).
//!
//! [`Accounts`] holds the realms with their signing keys, and signs and verifies the tokens that
//! Maru itself gives out.

mod accounts;
mod error;
mod hex;
mod instance_key;
mod keys;
mod machine;
mod people;
mod sealed;
mod secret;
mod signing;
mod verifier;

pub use accounts::{Accounts, Leeway, Realm, SigningKeyInfo};
pub use error::{Error, TokenError};
pub use hex::hex;
pub use instance_key::{InstanceKey, InstanceKeyError, Unsealable};
pub use machine::{IssuedSecret, MachineSecret, SecretRecord, secret_id};
pub use people::{
    DISPLAY_NAME_CHARS, DN_CHARS, FAILURES_PER_ADDRESS, FAILURES_PER_LOGIN, FAILURES_WITHIN,
    LOGIN_CHARS, NewPerson, PASSWORD_CHARS, People, PeopleError, Person, PersonChange,
    SESSION_IDLE, SESSION_MAX, Session, SignIn, SignInError, SignedIn, StaffRole, dn_of, login_of,
    made_password,
};
pub use sealed::{SealedSecret, kept_secrets};
pub use secret::{ReferenceError, Secret, resolve_reference};
pub use signing::{SigningSecrets, SigningSecretsError};
pub use verifier::{Verified, Verifier};

/// The realm that holds what belongs to no tenant: the list of realms itself.
pub const SYSTEM_REALM: &str = "_system";

/// The realm that is made when there is none, and that a call without any other sign belongs to.
pub const DEFAULT_REALM: &str = "default";

/// The longest token that is looked at, in bytes.
pub const TOKEN_MAX: usize = 8 * 1024;
