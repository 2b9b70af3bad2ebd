//! `POST /v3/conversations`, `GET /v3/conversations`.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::members::ChannelAccount;

/// Whom to talk to. What else the schema has (`isGroup`, `bot`, `topicName`, `tenantId`,
/// `channelData`) means nothing here and is passed over.
#[derive(Debug, Deserialize)]
pub(crate) struct ConversationParameters<'a> {
    /// The user, and perhaps the bot itself.
    #[serde(default)]
    pub(crate) members: Option<Vec<MemberId>>,
    /// What to say at once.
    #[serde(borrow, default)]
    pub(crate) activity: Option<&'a RawValue>,
}

/// A member as it is asked for.
#[derive(Debug, Deserialize)]
pub(crate) struct MemberId {
    #[serde(default)]
    pub(crate) id: String,
}

/// The conversation to talk in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConversationResourceResponse {
    /// Its id.
    pub(crate) id: String,
    /// The activity that was said at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) activity_id: Option<String>,
    /// Where to speak in it.
    pub(crate) service_url: String,
}

/// Which page of the conversations.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConversationsQuery {
    /// From the page before.
    pub(crate) continuation_token: Option<String>,
}

/// A page of conversations, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConversationsResult {
    /// There are more: for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) continuation_token: Option<String>,
    /// The conversations.
    pub(crate) conversations: Vec<ConversationMembers>,
}

/// A conversation and who takes part.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConversationMembers {
    /// Its id.
    pub(crate) id: String,
    /// Who takes part.
    pub(crate) members: Vec<ChannelAccount>,
}
