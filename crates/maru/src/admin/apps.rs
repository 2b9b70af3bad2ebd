//! ChatFlow apps in files for `maru apply`: what an app is, and the scenario that is to be live.

use bytes::Bytes;
use http::StatusCode;
use maru_accounts::Secret;
use maru_activity::RealmId;
use maru_chatflow::{AppPatch, AppRecord, ChatFlow, ClientRecord, Error, NewApp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Admin, ApiError, secrets};

/// An app that shall be there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedApp {
    /// Its public handle, by which it is found again.
    handle: String,
    /// What people call it.
    name: String,
    /// What it is for.
    #[serde(default)]
    description: String,
    /// Whose it is: a client's id, or its name. Where nobody has the name, they are signed up.
    client: String,
    /// Whom alerts go to.
    monitor_phone: String,
    /// That the client agrees to the processing of personal data.
    #[serde(default)]
    privacy_consent: bool,
    /// The scenario that is to be live. Without one what is published is left as it is.
    #[serde(default)]
    scenario: Option<Value>,
}

impl WantedApp {
    /// Makes it, or what differs about it, and publishes the scenario unless it is live. Gives a line
    /// for the app, and one for a client that had to be signed up.
    ///
    /// # Errors
    /// What the service says. An app does not change its owner.
    pub(super) async fn apply(
        &self,
        admin: &Admin,
        realm: &RealmId,
    ) -> Result<Vec<Value>, ApiError> {
        let chatflow = &admin.chatflow;
        let mut lines = Vec::new();
        let (client, fresh) = self.owner(chatflow, realm).await?;
        if let Some(secret) = fresh {
            lines.push(line("client", &client.id, "created", Some(&secret)));
        }
        let known = chatflow.apps(realm).await?.into_iter().find(|app| app.handle == self.handle);
        let (mut change, mut secret) = ("unchanged", None);
        let app = match known {
            None => {
                let made = chatflow.create_app(realm, &client.id, self.new_app()).await?;
                (change, secret) = ("created", Some(made.secret));
                made.record
            }
            Some(app) if app.client != client.id => {
                let owner = &app.client;
                let told = format!("the app {} is {owner}'s, and stays so", self.handle);
                return Err(ApiError::conflict(told));
            }
            Some(app) if self.says_of(&app) => app,
            Some(_) => {
                change = "changed";
                chatflow.change_app(realm, &self.handle, self.patch()).await?
            }
        };
        if self.publish(chatflow, realm, &app).await? && change == "unchanged" {
            change = "changed";
        }
        lines.push(line("app", &self.handle, change, secret.as_ref()));
        Ok(lines)
    }

    async fn owner(
        &self,
        chatflow: &ChatFlow,
        realm: &RealmId,
    ) -> Result<(ClientRecord, Option<Secret>), ApiError> {
        let clients = chatflow.clients(realm).await?;
        let is_it = |client: &ClientRecord| client.id == self.client || client.name == self.client;
        let mut found = clients.into_iter().filter(is_it);
        match (found.next(), found.next()) {
            (Some(client), None) => Ok((client, None)),
            (None, _) => {
                let made = chatflow.sign_up(realm, &self.client).await?;
                Ok((made.record, Some(made.secret)))
            }
            (Some(_), Some(_)) => {
                let told =
                    format!("there are several clients {:?}: name one by its id", self.client);
                Err(ApiError::conflict(told))
            }
        }
    }

    fn new_app(&self) -> NewApp {
        NewApp {
            name: self.name.clone(),
            description: self.description.clone(),
            monitor_phone: self.monitor_phone.clone(),
            privacy_consent: self.privacy_consent,
            handle: Some(self.handle.clone()),
        }
    }

    /// Whether the app is what the file says.
    fn says_of(&self, app: &AppRecord) -> bool {
        let phone = maru_chatflow::phone(&self.monitor_phone);
        self.name == app.name
            && self.description == app.description
            && phone.is_some_and(|phone| phone == app.monitor_phone)
    }

    fn patch(&self) -> AppPatch {
        AppPatch {
            name: Some(self.name.clone()),
            description: Some(self.description.clone()),
            monitor_phone: Some(self.monitor_phone.clone()),
        }
    }

    /// Makes the scenario the live version. `false` if it is already.
    async fn publish(
        &self,
        chatflow: &ChatFlow,
        realm: &RealmId,
        app: &AppRecord,
    ) -> Result<bool, ApiError> {
        let Some(wanted) = &self.scenario else { return Ok(false) };
        if let Some(live) = app.live {
            let file = chatflow.version_file(realm, &self.handle, live).await?;
            if serde_json::from_slice::<Value>(&file).is_ok_and(|live| live == *wanted) {
                return Ok(false);
            }
        }
        let file = Bytes::from(wanted.to_string());
        let checked = chatflow.put_draft(realm, &self.handle, file).await?;
        if !checked.valid {
            return Err(Error::Invalid(checked.issues).into());
        }
        chatflow.publish(realm, &self.handle, "").await?;
        Ok(true)
    }
}

fn line(what: &str, id: &str, change: &str, secret: Option<&Secret>) -> Value {
    let mut line = json!({ "what": what, "id": id, "change": change });
    if let Some(secret) = secret {
        line["secrets"] = secrets::told(std::slice::from_ref(secret));
    }
    line
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let told = match &error {
            // Where, too: nobody else will say.
            Error::Invalid(issues) => {
                let wrong =
                    issues.iter().map(|issue| format!("{}: {}", issue.pointer, issue.message));
                format!("{error}: {}", wrong.collect::<Vec<_>>().join("; "))
            }
            error => error.to_string(),
        };
        match error {
            Error::Unknown { .. } => Self::not_found(told),
            Error::Used { .. } | Error::Taken(_) | Error::Conflict | Error::Busy => {
                Self::conflict(told)
            }
            Error::Unavailable(_) => {
                Self { status: StatusCode::SERVICE_UNAVAILABLE, code: "unavailable", message: told }
            }
            Error::Internal(_) => Self::internal(told),
            _ => Self::invalid(told),
        }
    }
}
