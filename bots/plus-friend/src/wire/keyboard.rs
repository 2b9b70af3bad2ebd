//! A keyboard: `GET /keyboard`'s whole answer, and a member of `POST /message`'s.

use serde::{Deserialize, Serialize};

/// What a user has to answer with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Keyboard {
    /// Free typing.
    #[default]
    Text,
    /// Multiple choice: a tap on a button sends its label as a text.
    Buttons {
        /// The labels: 1 to [`BUTTONS_MAX`](crate::limits::BUTTONS_MAX), none of them empty.
        buttons: Vec<String>,
    },
}

impl Keyboard {
    /// The labels; none of a text keyboard.
    pub(crate) fn labels(&self) -> &[String] {
        match self {
            Self::Text => &[],
            Self::Buttons { buttons } => buttons,
        }
    }
}
