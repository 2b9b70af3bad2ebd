//! Where BotKit servers call back.
//!
//! BotKit takes the bot's id from the seventh `/`-segment of the URL it calls, and picks its own
//! credentials by it: so these are `{callback_url}/api/botsdk/stream/{bot id}/…`, as the cloud's are.

use std::fmt;
use std::sync::Arc;

use maru_activity::Links;
use serde::Serialize;
use url::Url;

use crate::ids::TurnId;

/// In front of the bot's id.
pub(crate) const STREAM: &str = "/api/botsdk/stream";

/// In front of a file's id.
pub(crate) const FILES: &str = "/api/botsdk/files";

/// A callback address that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{url:?} cannot be called back: an absolute http or https URL without a query can be")]
pub struct BadCallback {
    /// What was given.
    pub url: String,
}

/// The address under which BotKit servers reach this one, without a slash at its end.
#[derive(Clone)]
pub(crate) struct Addresses(Arc<str>);

impl Addresses {
    pub(crate) fn new(url: &str) -> Result<Self, BadCallback> {
        let parsed = Url::parse(url).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.query().is_none()
                && url.fragment().is_none()
        });
        let Some(parsed) = parsed else { return Err(BadCallback { url: url.to_owned() }) };
        if parsed.path() != "/" {
            tracing::warn!(
                "the callback URL has a path: BotKit servers with credentials for several bots will \
                 not find those of the bot that they call back for"
            );
        }
        Ok(Self(url.trim_end_matches('/').into()))
    }

    /// All of a turn's, for the bot of this id.
    pub(crate) fn of(&self, bot: &str, turn: &TurnId) -> Urls {
        let base = format!("{}{STREAM}/{bot}", self.0);
        let at = |call: &str| format!("{base}/{call}/{turn}");
        Urls {
            send_user_message: at("sendUserMessage"),
            send_bot_message: at("sendBotMessage"),
            skip_user_message: at("skipUserMessage"),
            skip_bot_message: at("skipBotMessage"),
            clear_conversation_session: at("clearConversationSession"),
            reset_bot: at("resetBot"),
            send_feedback_message: at("sendFeedbackMessage"),
            get_bot_variable: format!("{base}/getBotVariable"),
            callback: at("respondToHook"),
            base,
        }
    }
}

/// A file that a user sent. Its id cannot be guessed, and BotKit code gets it without credentials.
impl Links for Addresses {
    fn link(&self, blob: &str) -> String {
        format!("{}{FILES}/{blob}", self.0)
    }
}

impl fmt::Debug for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The URLs that go with each event.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Urls {
    /// What BotKit itself appends `/startAgentSession/{requestId}` and the like to.
    #[serde(rename = "baseUrl")]
    pub(crate) base: String,
    #[serde(rename = "sendUserMessageUrl")]
    pub(crate) send_user_message: String,
    #[serde(rename = "sendBotMessageUrl")]
    pub(crate) send_bot_message: String,
    #[serde(rename = "skipUserMessageUrl")]
    pub(crate) skip_user_message: String,
    #[serde(rename = "skipBotMessageUrl")]
    pub(crate) skip_bot_message: String,
    #[serde(rename = "clearConversationSessionUrl")]
    pub(crate) clear_conversation_session: String,
    #[serde(rename = "resetBotUrl")]
    pub(crate) reset_bot: String,
    #[serde(rename = "sendFeedbackMessageUrl")]
    pub(crate) send_feedback_message: String,
    #[serde(rename = "getBotVariableUrl")]
    pub(crate) get_bot_variable: String,
    /// Where a webhook's late result is posted to.
    #[serde(rename = "callbackUrl")]
    pub(crate) callback: String,
}

#[cfg(test)]
mod tests {
    use maru_activity::{ActivityId, ConversationId};

    use super::*;

    #[test]
    fn botkit_finds_the_bots_id_at_its_place() {
        let turn = TurnId { conversation: ConversationId::from("c"), place: ActivityId::Pos(4) };
        for url in ["http://maru:8080", "https://maru.example/"] {
            let urls = Addresses::new(url).unwrap().of("st-1", &turn);
            assert_eq!(urls.send_user_message.split('/').nth(6), Some("st-1"));
            assert!(urls.send_user_message.ends_with("/st-1/sendUserMessage/c.0000004"));
            assert_eq!(urls.get_bot_variable.split('/').nth(6), Some("st-1"));
        }
        for none in ["maru", "ftp://maru", "http://maru/?a=b", "http://maru/#a", ""] {
            assert!(Addresses::new(none).is_err(), "{none}");
        }
    }
}
