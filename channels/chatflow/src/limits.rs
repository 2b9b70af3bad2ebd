//! What no setting changes.

/// The most bytes of a body.
pub(crate) const BODY_BYTES_MAX: usize = 64 * 1024;

/// The most bytes of what a user says: what Kakao's users can send.
pub(crate) const CONTENT_BYTES_MAX: usize = 4_000;

/// The most fields of a form.
pub(crate) const FORM_FIELDS_MAX: usize = 64;

/// The most bytes of a `client_id` or `app_id`.
pub(crate) const SECRET_BYTES_MAX: usize = 256;
