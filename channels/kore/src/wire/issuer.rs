//! Where assertions come from: the development issuer and the API key's bootstrap (kore-rtm.md
//! §1.1, §1.2).

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The body of `users/sts`. Web SDKs send a form, the mobile ones JSON.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct IssueRequest {
    pub(crate) client_id: Option<String>,
    pub(crate) client_secret: Option<String>,
    pub(crate) identity: Option<String>,
    /// A boolean, or its name.
    pub(crate) is_anonymous: Option<Value>,
}

/// The claims that are signed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IssuedClaims<'a> {
    pub(crate) iss: &'a str,
    pub(crate) sub: &'a str,
    pub(crate) aud: &'static str,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
    pub(crate) is_anonymous: bool,
    /// Nobody vouched for who the user is.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) self_declared: bool,
}

/// The answer of `users/sts`.
#[derive(Debug, Serialize)]
pub(crate) struct Issued {
    pub(crate) jwt: String,
}

/// The answer of `users/jwttoken`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IssuedWithBot<'a> {
    pub(crate) jwt: String,
    pub(crate) bot_name: &'a str,
    pub(crate) stream_id: &'a str,
}

/// The body of `platform/websdk`.
#[derive(Debug, Deserialize)]
pub(crate) struct BootstrapRequest {
    #[serde(rename = "apiKey")]
    pub(crate) api_key: String,
    /// The user's identity, where the page has one.
    #[serde(default)]
    pub(crate) ity: Option<String>,
}

/// The answer of `platform/websdk`.
#[derive(Debug, Serialize)]
pub(crate) struct Bootstrap<'a> {
    pub(crate) jwt: String,
    #[serde(rename = "botInfo")]
    pub(crate) bot_info: BootstrapBot<'a>,
    pub(crate) ity: &'a str,
}

/// The bot that the page is to talk to.
#[derive(Debug, Serialize)]
pub(crate) struct BootstrapBot<'a> {
    pub(crate) name: &'a str,
    #[serde(rename = "_id")]
    pub(crate) id: &'a str,
}
