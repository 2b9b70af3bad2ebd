//! Tickets: what a `sid` in a socket's address stands for. Each is good once, on any node, for 30
//! seconds (kore-rtm.md §1.5).

use maru_accounts::SYSTEM_REALM;
use maru_activity::{RealmId, Timestamp};
use maru_hall::StateWrite;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Kore;
use crate::error::Error;
use crate::grants::Grant;
use crate::limits::{SID_LENGTH, SID_TTL};
use crate::user::User;

/// The scope of tickets; the key is the `sid`. They are in the system's realm, since the address
/// of a socket does not say which realm it belongs to.
const SCOPE: &str = "kore/sid";

/// What a socket is opened with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Ticket {
    /// The realm of the app.
    pub(crate) realm: RealmId,
    /// The user, and what vouched for them.
    pub(crate) grant: Grant,
    /// The bot, by its id in Kore's world.
    pub(crate) bot: String,
    /// `botInfo` as it was received: it is sent back with each frame.
    pub(crate) bot_info: Box<RawValue>,
    /// The user's language, if the client said one.
    pub(crate) language: Option<String>,
    /// Whether the client sent `x-rtm-v`: version 3 of the web SDK does.
    pub(crate) rtm_v: bool,
    /// From when on it is good no more.
    pub(crate) until: Timestamp,
}

impl Ticket {
    /// A ticket for a user, good from `now` on.
    pub(crate) fn new(user: &User, bot: &str, bot_info: Box<RawValue>, now: Timestamp) -> Self {
        Self {
            realm: user.app.channel.realm.clone(),
            grant: user.as_grant(),
            bot: bot.to_owned(),
            bot_info,
            language: None,
            rtm_v: false,
            until: now.after(SID_TTL),
        }
    }
}

impl Kore {
    /// Keeps a ticket, and gives its `sid`.
    pub(crate) async fn issue_ticket(&self, ticket: &Ticket) -> Result<String, Error> {
        let sid = self.hall.env().base62(SID_LENGTH);
        let value = serde_json::to_vec(ticket).map_err(|e| Error::internal(e.to_string()))?;
        let kept = StateWrite {
            until: Some(ticket.until),
            ..StateWrite::put(SCOPE, sid.as_str(), value).at_version(0)
        };
        self.hall.write(&RealmId::from(SYSTEM_REALM), vec![kept], Vec::new()).await?;
        Ok(sid)
    }

    /// Takes a ticket. One that is late, used, made up, or whose user's grant is worth nothing any
    /// more, is refused alike.
    pub(crate) async fn redeem(&self, sid: &str) -> Result<(User, Ticket), Error> {
        if sid.len() != SID_LENGTH || !sid.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(Error::BadTicket);
        }
        let realm = RealmId::from(SYSTEM_REALM);
        let state = self.hall.state(&realm, SCOPE, sid).await?.ok_or(Error::BadTicket)?;
        // Of several who try at once, only one finds it at this version.
        let taken = StateWrite::delete(SCOPE, sid).at_version(state.version);
        match self.hall.write(&realm, vec![taken], Vec::new()).await {
            Err(maru_hall::Error::Conflict(_)) => return Err(Error::BadTicket),
            taken => taken?,
        }
        let ticket: Ticket = serde_json::from_slice(&state.value)
            .map_err(|_| Error::internal("a damaged ticket"))?;
        if self.hall.env().now() >= ticket.until {
            return Err(Error::BadTicket);
        }
        let user = self.user_of_grant(&ticket.realm, ticket.grant.clone());
        Ok((user.ok_or(Error::BadTicket)?, ticket))
    }
}
