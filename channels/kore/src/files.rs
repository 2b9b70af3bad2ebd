//! Files: links that expire, and what a `fileId` stands for.

use maru_activity::{RealmId, Timestamp};
use maru_hall::{Blob, BlobError, BlobId};
use serde::{Deserialize, Serialize};
use url::form_urlencoded::byte_serialize;

use crate::Kore;
use crate::error::Error;
use crate::limits::LINK_DAYS;

/// The audience of links' tickets, so that nothing else that a realm signs passes as one.
const AUDIENCE: &str = "kore-file";

const DAY_SECS: i64 = 86_400;

/// Before how a body refers to a file.
const REFERENCE: &str = "blob:";

#[derive(Serialize, Deserialize)]
struct Claims {
    blob: String,
    exp: i64,
}

impl Kore {
    /// A link by which a file can be fetched for a week, for whoever has it. `blob` is a reference
    /// (`blob:…`) or the id in one. What is neither is given back as it is.
    pub(crate) fn link(&self, base_url: &str, realm: &RealmId, blob: &str) -> String {
        match BlobId::parse(blob.strip_prefix(REFERENCE).unwrap_or(blob)) {
            Some(id) => self.link_named(base_url, realm, &id, "file"),
            None => blob.to_owned(),
        }
    }

    /// As [`Kore::link`], with the file's name at its end, for people to read.
    pub(crate) fn link_named(
        &self,
        base_url: &str,
        realm: &RealmId,
        id: &BlobId,
        name: &str,
    ) -> String {
        let claims = Claims { blob: id.to_string(), exp: expiry(self.hall.env().now()) };
        let ticket = self.accounts.sign(realm, AUDIENCE, &claims).unwrap_or_else(|error| {
            tracing::error!(%error, "a link leads nowhere");
            "none".to_owned()
        });
        // A form writes a space as a plus sign, which a path takes as it is.
        let name = byte_serialize(name.as_bytes()).collect::<String>().replace('+', "%20");
        format!("{base_url}/api/attachment/content/{ticket}/{name}")
    }

    /// The file behind a link's ticket, if that is still good.
    pub(crate) fn linked(&self, ticket: &str) -> Option<BlobId> {
        let (realm, claims): (RealmId, Claims) = self.accounts.verify(ticket, AUDIENCE).ok()?;
        BlobId::parse(&claims.blob).filter(|id| is_of(id, &realm))
    }

    /// The file that a message's `fileId` stands for, as a body refers to it; `None` if there is
    /// none, or if it is another realm's.
    ///
    /// # Errors
    /// When files or the store cannot be reached.
    pub(crate) async fn attachment_of(
        &self,
        realm: &RealmId,
        file_id: &str,
    ) -> Result<Option<(String, Blob)>, Error> {
        let Some(id) = BlobId::parse(file_id).filter(|id| is_of(id, realm)) else {
            return Ok(None);
        };
        match self.hall.blobs().describe(&id).await {
            Ok(blob) => Ok(Some((format!("{REFERENCE}{id}"), blob))),
            Err(BlobError::Unknown) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether a file is one of this realm's.
pub(crate) fn is_of(id: &BlobId, realm: &RealmId) -> bool {
    id.as_str().split_once('.').is_some_and(|(_, of)| of == realm.as_str())
}

/// The same for a whole day, so that a file keeps its address within it.
fn expiry(now: Timestamp) -> i64 {
    (now.as_secs().div_euclid(DAY_SECS) + 1 + LINK_DAYS).saturating_mul(DAY_SECS)
}
