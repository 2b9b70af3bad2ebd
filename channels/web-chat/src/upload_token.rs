//! The bearer that lets a chat send files.

use maru_activity::{ConversationId, RealmId};
use serde::{Deserialize, Serialize};

use crate::WebChat;
use crate::limits::UPLOAD_TTL;

/// What such a token is for, so that nothing else that a realm signs passes as one.
const AUDIENCE: &str = "nxchat-upload";

#[derive(Serialize, Deserialize)]
struct Claims {
    cid: ConversationId,
    exp: i64,
}

impl WebChat {
    /// A token for a chat's files, and until when it is good, in seconds since the Unix epoch. `None`
    /// if the realm cannot sign.
    pub(crate) fn upload_token(
        &self,
        realm: &RealmId,
        chat: &ConversationId,
    ) -> Option<(String, i64)> {
        let exp = self.hall.env().now().after(UPLOAD_TTL).as_secs();
        let signed = self.accounts.sign(realm, AUDIENCE, &Claims { cid: chat.clone(), exp });
        match signed {
            Ok(token) => Some((token, exp)),
            Err(error) => {
                tracing::error!(%error, "a chat cannot send files");
                None
            }
        }
    }

    /// The chat that a token is for.
    pub(crate) fn uploads_to(&self, token: &str) -> Option<(RealmId, ConversationId)> {
        let (realm, claims): (RealmId, Claims) = self.accounts.verify(token, AUDIENCE).ok()?;
        Some((realm, claims.cid))
    }
}
