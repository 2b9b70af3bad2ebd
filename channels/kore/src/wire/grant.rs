//! The grant: an assertion for an access token (kore-rtm.md §1.3, §1.4).

use serde::{Deserialize, Serialize};

/// The body of a grant, less what is of no use here: `botInfo`, and the `token` that every web SDK
/// sends along empty.
#[derive(Debug, Deserialize)]
pub(crate) struct GrantRequest {
    /// The JWT.
    pub(crate) assertion: String,
}

/// The body of an anonymous grant.
#[derive(Debug, Deserialize)]
pub(crate) struct AnonymousRequest {
    /// Who says that they are who.
    pub(crate) assertion: AnonymousAssertion,
}

/// An assertion that nobody signed.
#[derive(Debug, Deserialize)]
pub(crate) struct AnonymousAssertion {
    /// The app's client id.
    pub(crate) issuer: String,
    /// An id of the client's choice.
    pub(crate) subject: String,
}

/// The answer to both.
#[derive(Debug, Serialize)]
pub(crate) struct GrantResponse<'a> {
    pub(crate) authorization: Authorization,
    #[serde(rename = "userInfo")]
    pub(crate) user_info: UserInfo<'a>,
}

/// The access token.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Authorization {
    pub(crate) access_token: String,
    /// iOS and React Native make their header of it.
    #[serde(rename = "token_type")]
    pub(crate) token_type: &'static str,
    pub(crate) expires_date: String,
    pub(crate) issued_date: String,
}

/// Who the user is in Kore's world.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserInfo<'a> {
    pub(crate) user_id: String,
    pub(crate) account_id: String,
    pub(crate) org_id: String,
    pub(crate) identity: String,
    pub(crate) enroll_type: &'static str,
    pub(crate) managed_by: String,
    pub(crate) f_name: &'a str,
    pub(crate) l_name: &'a str,
}
