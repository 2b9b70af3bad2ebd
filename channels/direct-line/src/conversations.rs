//! Which conversation a caller may use, and how it is begun.

use std::sync::Arc;

use maru_activity::{Account, Activity, ConversationId, Watermark};
use maru_hall::{Begin, Begun, Conversation, Delivered, Meta, Post, Posted};
use std::time::Duration;

use crate::auth::{Bearer, Credential};
use crate::config::Acknowledge;
use crate::error::Error;
use crate::map::BOUND_PREFIX;
use crate::sites::Site;
use crate::token::{Claims, Ticket};
use crate::wire::conversation::{self, stream_url};
use crate::{CHANNEL_KIND, DirectLine};

/// A conversation that the caller may use.
#[derive(Debug)]
pub(crate) enum Target {
    /// It is begun.
    Begun(Arc<Conversation>),
    /// It was given out with the caller's token, and is not begun yet.
    Allotted(ConversationId),
}

impl DirectLine {
    /// The conversation of this id, if the caller may use it.
    ///
    /// A token says which one it is for, so its bearer is told when it is for another. Whoever
    /// holds a secret is told of another site's conversation what they are told of none.
    pub(crate) async fn locate(&self, caller: &Credential, id: &str) -> Result<Target, Error> {
        if caller.claims().is_some_and(|claims| claims.conv.as_str() != id) {
            return Err(Error::Forbidden("The token is for another conversation"));
        }
        let id = ConversationId::from(id);
        match self.hall.conversation(&caller.site.channel.realm, &id).await? {
            Some(found) if found.channel == caller.site.channel.id => Ok(Target::Begun(found)),
            Some(_) => Err(Error::UnknownConversation),
            None => match &caller.bearer {
                Bearer::Token(_) => Ok(Target::Allotted(id)),
                Bearer::Secret(_) => Err(Error::UnknownConversation),
            },
        }
    }

    /// Begins a conversation on a site, unless it was begun before.
    pub(crate) async fn begin(
        &self,
        site: &Site,
        id: ConversationId,
        user: Option<(Account, bool)>,
        locale: Option<&str>,
    ) -> Result<Begun, Error> {
        let begin = Begin { id: Some(id), user, locale, ..Begin::by(&site.channel, CHANNEL_KIND) };
        let begun = self.hall.begin(begin).await?;
        if begun.conversation.channel != site.channel.id {
            return Err(Error::UnknownConversation);
        }
        Ok(begun)
    }

    /// The conversation itself. One that was only given out is begun, with this user: clients may
    /// post with the token of `generate` and never call `start`.
    pub(crate) async fn ensure_begun(
        &self,
        caller: &Credential,
        target: Target,
        user: Option<&Account>,
    ) -> Result<Arc<Conversation>, Error> {
        let id = match target {
            Target::Begun(conversation) => return Ok(conversation),
            Target::Allotted(id) => id,
        };
        let bound = caller.user().map(|id| (user_account(id, None), true));
        let user = bound.or_else(|| user.map(|account| (account.clone(), false)));
        Ok(self.begin(&caller.site, id, user, None).await?.conversation)
    }

    /// Says something in a conversation, as the site wants it acknowledged.
    pub(crate) async fn say(
        &self,
        caller: &Credential,
        conversation: &Arc<Conversation>,
        (activity, client_key): (Activity, Option<Box<str>>),
        meta: Meta,
    ) -> Result<Posted, Error> {
        let settings = &caller.site.settings;
        let post = Post {
            verified: caller.user().is_some(),
            meta,
            client_key: client_key.map(|key| (crate::KIND, key)),
            wait: match settings.acknowledge {
                Acknowledge::Accepted => None,
                Acknowledge::Delivered => {
                    Some(Duration::from_secs(settings.delivered_timeout_secs))
                }
            },
            ..Post::user(activity)
        };
        Ok(self.hall.post(conversation, post).await?)
    }

    /// Makes a token of claims.
    pub(crate) fn token(
        &self,
        site: &Site,
        claims: Claims,
        stream: Option<(&str, Watermark)>,
    ) -> Result<conversation::Conversation, Error> {
        let now = self.hall.env().now();
        let conversation = claims.conv.clone();
        let stream = match stream {
            None => None,
            Some((base_url, watermark)) => {
                let ticket = Ticket::sign(&self.accounts, &claims, &site.channel.realm, now)?;
                Some(stream_url(base_url, &conversation, watermark, &ticket))
            }
        };
        let minted = claims.mint(&self.accounts, site, now)?;
        self.metrics.tokens.inc();
        Ok(conversation::Conversation::new(&conversation, minted, stream))
    }
}

/// What came of a post, in the protocol's terms: an error if the bot was waited for in vain. The
/// activity is kept and shown all the same (direct-line.md §1.5).
pub(crate) fn check_delivered(posted: &Posted) -> Result<(), Error> {
    match posted.delivered {
        None | Some(Delivered::Taken(_)) => Ok(()),
        Some(Delivered::Failed(status)) => Err(Error::BotFailed(status)),
        Some(Delivered::TimedOut) => Err(Error::BotTimedOut),
        Some(Delivered::Nobody) => Err(Error::Nobody),
    }
}

/// Where a site keeps ids that begin with `dl_` for bound users: binds no other, and takes none
/// that is not bound.
pub(crate) fn check_user(site: &Site, id: &str, binds: bool) -> Result<(), Error> {
    if !site.settings.enhanced_authentication || id.starts_with(BOUND_PREFIX) == binds {
        return Ok(());
    }
    Err(Error::bad(if binds {
        "'user.id' must begin with dl_"
    } else {
        "only a token can give a user an id that begins with dl_"
    }))
}

/// The id of a user whom nobody named. It is the conversation's own, so that unnamed users of
/// different conversations are different people.
pub(crate) fn anonymous(conversation: &str) -> String {
    format!("anonymous-{conversation}")
}

/// A user as a participant.
pub(crate) fn user_account(id: &str, name: Option<String>) -> Account {
    Account { id: id.to_owned(), name, role: Some("user".to_owned()) }
}
