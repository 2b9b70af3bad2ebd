//! People: who may sign in, and as what.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{Path, State};
use maru_accounts::{
    NewPerson as New, PeopleError, Person, PersonChange, Secret, StaffRole, made_password,
    resolve_reference,
};
use maru_activity::RealmId;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::{Admin, ApiError, Named, Realm};

/// A person to make known.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPerson {
    /// By which they sign in.
    pub(super) login: String,
    /// What others see; without it the login.
    #[serde(default)]
    name: Option<String>,
    /// What they may do.
    #[serde(default = "just_an_agent")]
    roles: BTreeSet<StaffRole>,
    /// The number at which they answer.
    #[serde(default)]
    dn: Option<String>,
    /// Their password; without it one is made.
    #[serde(default)]
    password: Option<String>,
}

impl std::fmt::Debug for NewPerson {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewPerson").field("login", &self.login).finish_non_exhaustive()
    }
}

fn just_an_agent() -> BTreeSet<StaffRole> {
    [StaffRole::Agent].into()
}

/// What is to change of a person. A number of `null` is taken away.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Changed {
    name: Option<String>,
    roles: Option<BTreeSet<StaffRole>>,
    #[serde(deserialize_with = "given")]
    dn: Option<Option<String>>,
    disabled: Option<bool>,
}

/// Tells a `null` from a member that is not there.
fn given<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(value).map(Some)
}

/// Another password; without one it is made.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct NewPassword {
    password: Option<String>,
}

/// A person as operators see them.
pub(super) fn shown(person: &Person) -> Value {
    json!({
        "login": person.login,
        "name": person.name,
        "roles": person.roles,
        "dn": person.dn,
        "disabled": person.disabled,
        "created_at": person.created_at,
    })
}

impl NewPerson {
    /// Makes them known. Gives the password, if it was made.
    async fn add(
        &self,
        admin: &Admin,
        realm: &RealmId,
        password: Option<Secret>,
    ) -> Result<(Person, Option<Secret>), ApiError> {
        let made = password.is_none();
        let password = password.unwrap_or_else(|| made_password(admin.hall.env()));
        let new = New {
            login: self.login.clone(),
            name: self.name.clone().unwrap_or_default(),
            roles: self.roles.clone(),
            dn: self.dn.clone(),
        };
        let person = admin.people.add(realm, new, &password).await?;
        Ok((person, made.then_some(password)))
    }

    /// Makes them known as a file says, or changes what differs. A password is given once: later it
    /// is the person's own.
    pub(super) async fn apply(&self, admin: &Admin, realm: &RealmId) -> Result<Value, ApiError> {
        let answer =
            |id: &str, change: &str| json!({ "what": "person", "id": id, "change": change });
        let Some(known) = admin.people.person(realm, &self.login).await? else {
            let password = self.password.as_deref().map(resolve_reference).transpose();
            let password =
                password.map_err(|error| ApiError::invalid(format!("password: {error}")))?;
            let (person, made) = self.add(admin, realm, password).await?;
            let mut answer = answer(&person.login, "created");
            if let Some(password) = made {
                answer["secrets"] = json!([password.expose()]);
            }
            return Ok(answer);
        };
        let change = PersonChange {
            name: self.name.clone(),
            roles: Some(self.roles.clone()),
            dn: Some(self.dn.clone()),
            disabled: None,
        };
        let differs = known.roles != self.roles
            || known.dn != self.dn
            || self.name.as_ref().is_some_and(|name| *name != known.name);
        if differs {
            admin.people.change(realm, &known.login, &change).await?;
        }
        Ok(answer(&known.login, if differs { "changed" } else { "unchanged" }))
    }
}

pub(super) async fn list(
    State(admin): State<Admin>,
    Realm(realm): Realm,
) -> Result<Json<Value>, ApiError> {
    let people = admin.people.list(&realm).await?;
    Ok(Json(json!({ "people": people.iter().map(shown).collect::<Vec<_>>() })))
}

pub(super) async fn add(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Json(new): Json<NewPerson>,
) -> Result<Json<Value>, ApiError> {
    let given = new.password.clone().map(Secret::new);
    let (person, made) = new.add(&admin, &realm, given).await?;
    Ok(Json(with_password(&person, made.as_ref())))
}

pub(super) async fn show(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Path(named): Path<Named>,
) -> Result<Json<Value>, ApiError> {
    let person = admin.people.person(&realm, &named.id).await?;
    Ok(Json(shown(&person.ok_or(PeopleError::Unknown(named.id))?)))
}

pub(super) async fn set(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Path(named): Path<Named>,
    Json(changed): Json<Changed>,
) -> Result<Json<Value>, ApiError> {
    let Changed { name, roles, dn, disabled } = changed;
    let change = PersonChange { name, roles, dn, disabled };
    Ok(Json(shown(&admin.people.change(&realm, &named.id, &change).await?)))
}

/// Gives a person another password, and ends their sessions.
pub(super) async fn set_password(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Path(named): Path<Named>,
    Json(new): Json<NewPassword>,
) -> Result<Json<Value>, ApiError> {
    let made = new.password.is_none();
    let password = new.password.map_or_else(|| made_password(admin.hall.env()), Secret::new);
    let person = admin.people.set_password(&realm, &named.id, &password).await?;
    Ok(Json(with_password(&person, made.then_some(&password))))
}

/// Ends a person's sessions.
pub(super) async fn sign_out(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Path(named): Path<Named>,
) -> Result<Json<Value>, ApiError> {
    let person = admin.people.sign_out_everywhere(&realm, &named.id).await?;
    Ok(Json(json!({ "signed_out": person.login })))
}

pub(super) async fn remove(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Path(named): Path<Named>,
) -> Result<Json<Value>, ApiError> {
    admin.people.remove(&realm, &named.id).await?;
    Ok(Json(json!({ "removed": named.id })))
}

/// The person, with the password that was made: this once.
fn with_password(person: &Person, made: Option<&Secret>) -> Value {
    let mut answer = shown(person);
    if let Some(password) = made {
        answer["password"] = password.expose().into();
    }
    answer
}

impl From<maru_accounts::Error> for ApiError {
    fn from(error: maru_accounts::Error) -> Self {
        match error {
            maru_accounts::Error::Store(error) => error.into(),
            error => Self::internal(error.to_string()),
        }
    }
}

impl From<PeopleError> for ApiError {
    fn from(error: PeopleError) -> Self {
        let message = error.to_string();
        match error {
            PeopleError::Accounts(error) => error.into(),
            PeopleError::Exists(_) => Self::conflict(message),
            PeopleError::Unknown(_) => Self::not_found(message),
            PeopleError::BadLogin
            | PeopleError::BadName
            | PeopleError::BadDn
            | PeopleError::BadPassword => Self::invalid(message),
            PeopleError::Busy => Self::failed(message),
            PeopleError::Hash(_) => Self::internal(message),
        }
    }
}
