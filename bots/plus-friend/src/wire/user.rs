//! `POST /friend`.

use serde::Serialize;

/// Who added the bot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Request<'a> {
    pub(crate) user_key: &'a str,
}
