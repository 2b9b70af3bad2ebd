//! What webhooks' headers may hold and no file does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maru_accounts::Secret;
use maru_activity::RealmId;

use super::{AppRecord, Records};
use crate::Error;
use crate::limits::{NAME_CHARS_MAX, WEBHOOK_SECRET_BYTES_MAX, WEBHOOK_SECRETS_MAX};

impl Records {
    /// Keeps a secret for `{{secret.NAME}}` in webhooks' headers; `None` takes it away.
    pub(crate) async fn set_webhook_secret(
        &self,
        realm: &RealmId,
        handle: &str,
        name: &str,
        secret: Option<&Secret>,
    ) -> Result<AppRecord, Error> {
        let (mut record, version) = self.app(realm, handle).await?;
        match secret {
            Some(secret) => {
                check(&record, name, secret)?;
                let key = self.accounts.instance_key();
                let plain = secret.expose().as_bytes();
                let sealed = key.seal(self.hall.env(), &purpose(&record, name), plain);
                record.webhook_secrets.insert(name.to_owned(), STANDARD.encode(sealed));
            }
            None => {
                let was = record.webhook_secrets.remove(name);
                was.ok_or_else(|| Error::unknown("secret", name))?;
            }
        }
        self.put_app(&record, version).await?;
        Ok(record)
    }

    /// The secret of this name. `None`: there is none, or it was sealed with another key.
    pub(crate) fn webhook_secret(&self, app: &AppRecord, name: &str) -> Option<Secret> {
        let sealed = STANDARD.decode(app.webhook_secrets.get(name)?).ok()?;
        let plain = self.accounts.instance_key().unseal(&purpose(app, name), &sealed).ok()?;
        Some(Secret::new(std::str::from_utf8(&plain).ok()?))
    }
}

fn check(record: &AppRecord, name: &str, secret: &Secret) -> Result<(), Error> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.bytes().all(fits) {
        return Err(Error::field("secret", "a secret's name has a-z A-Z 0-9 _ -"));
    }
    let text = secret.expose();
    // What a header cannot hold would make the call impossible later.
    let sound = text.bytes().all(|b| (b' '..=b'~').contains(&b));
    if text.is_empty() || text.len() > WEBHOOK_SECRET_BYTES_MAX || !sound {
        let problem =
            format!("must have 1 to {WEBHOOK_SECRET_BYTES_MAX} printable ASCII characters");
        return Err(Error::field("secret", problem));
    }
    let full = record.webhook_secrets.len() >= WEBHOOK_SECRETS_MAX;
    if full && !record.webhook_secrets.contains_key(name) {
        return Err(Error::field("secret", format!("there may be {WEBHOOK_SECRETS_MAX}")));
    }
    Ok(())
}

/// A secret that was sealed for one place opens in no other.
fn purpose(app: &AppRecord, name: &str) -> String {
    format!("chatflow/webhook-secret/{}/{name}", app.id)
}
