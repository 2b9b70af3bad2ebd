//! `POST /v3/conversations/{c}/attachments`, `GET /v3/attachments/{id}`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A file to keep.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AttachmentData<'a> {
    /// Its media type.
    #[serde(borrow, default, rename = "type")]
    pub(crate) kind: Option<Cow<'a, str>>,
    /// Its name.
    #[serde(borrow, default)]
    pub(crate) name: Option<Cow<'a, str>>,
    /// Its bytes, in base64.
    #[serde(borrow)]
    pub(crate) original_base64: Cow<'a, str>,
    /// A small picture of it, in base64.
    #[serde(borrow, default)]
    pub(crate) thumbnail_base64: Option<Cow<'a, str>>,
}

/// What a file is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AttachmentInfo {
    /// Its name.
    pub(crate) name: String,
    /// Its media type.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// In which forms it can be fetched.
    pub(crate) views: Vec<AttachmentView>,
}

/// One form of a file.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AttachmentView {
    /// `original` or `thumbnail`.
    pub(crate) view_id: &'static str,
    /// In bytes.
    pub(crate) size: u64,
}
