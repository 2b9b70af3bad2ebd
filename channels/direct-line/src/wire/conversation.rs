//! The answers that hold a token: generate, refresh, start and reconnect.

use maru_activity::{ConversationId, Watermark};
use serde::Serialize;
use utoipa::ToSchema;

use crate::token::Minted;

/// `{"conversationId","token","expires_in","streamUrl"}`. Tokens alone come without a `streamUrl`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Conversation {
    #[serde(rename = "conversationId")]
    conversation_id: String,
    token: String,
    /// For how many seconds the token is good.
    expires_in: u64,
    /// Absolute, `ws` or `wss`; its ticket is good for 60 seconds.
    #[serde(rename = "streamUrl", skip_serializing_if = "Option::is_none")]
    stream_url: Option<String>,
}

impl Conversation {
    pub(crate) fn new(id: &ConversationId, minted: Minted, stream_url: Option<String>) -> Self {
        Self {
            conversation_id: id.to_string(),
            token: minted.token,
            expires_in: minted.expires_in,
            stream_url,
        }
    }
}

/// The address of a conversation's stream, on the host that the client used.
pub(crate) fn stream_url(
    base_url: &str,
    id: &ConversationId,
    watermark: Watermark,
    ticket: &str,
) -> String {
    // `http` becomes `ws`, and `https` `wss`.
    let host = base_url.strip_prefix("http").unwrap_or(base_url).trim_end_matches('/');
    // Tickets, ids and watermarks are made of characters that a query takes as they are.
    let from = match watermark.seen {
        None => "-".to_owned(),
        Some(_) => watermark.to_string(),
    };
    format!("ws{host}/v3/directline/conversations/{id}/stream?watermark={from}&t={ticket}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_on_the_host_the_client_used() {
        let id = ConversationId::from("c1");
        let url = |base| stream_url(base, &id, Watermark::START, "a.b.c");
        assert_eq!(
            url("http://h:1"),
            "ws://h:1/v3/directline/conversations/c1/stream?watermark=-&t=a.b.c"
        );
        assert!(url("https://h/sub").starts_with("wss://h/sub/v3/directline/"));
        let later = Watermark { epoch: 2, seen: Some(7) };
        assert!(stream_url("http://h", &id, later, "t").contains("watermark=e2.7&"));
    }
}
