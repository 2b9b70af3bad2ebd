//! `GET …/members`, `…/members/{m}`, `…/pagedmembers`, `…/activities/{a}/members`.

use maru_hall::Member;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Someone who takes part.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChannelAccount {
    /// Unique within the channel.
    pub(crate) id: String,
    /// The name to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// `user` or `bot`. A human agent is a user to a bot.
    pub(crate) role: &'static str,
}

impl From<Member> for ChannelAccount {
    fn from(member: Member) -> Self {
        let role = match member.role {
            maru_activity::Role::Bot => "bot",
            maru_activity::Role::User | maru_activity::Role::Agent => "user",
        };
        Self { id: member.account.id, name: member.account.name, role }
    }
}

/// Which page of the members.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PagedMembersQuery {
    /// How many: from 1 to 500, 200 if it is not said.
    pub(crate) page_size: Option<usize>,
    /// From the page before.
    pub(crate) continuation_token: Option<String>,
}

/// A page of members.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PagedMembersResult {
    /// Who takes part, in the order they came.
    pub(crate) members: Vec<ChannelAccount>,
    /// There are more: for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) continuation_token: Option<String>,
}
