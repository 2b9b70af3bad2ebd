//! What a partner server answers with, as its JSON.

use serde::Serialize;

/// The buttons that everybody has before them at first.
const HOME: [&str; 3] = ["#점심 선택", "#결과 보기", "#설정"];

/// An answer to a message: one bubble, and what can be said next.
#[derive(Debug, Serialize)]
pub(crate) struct Answer {
    message: Message,
    keyboard: Keyboard,
}

#[derive(Debug, Serialize)]
struct Message {
    text: String,
}

/// What a user has before them.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Keyboard {
    /// Buttons, and no field to type in. A button says its label.
    Buttons {
        /// The labels.
        buttons: Vec<String>,
    },
    /// A field to type in.
    Text,
}

impl Keyboard {
    /// The buttons of [`HOME`].
    pub(crate) fn home() -> Self {
        Self::of(&HOME)
    }

    fn of(buttons: &[impl ToString]) -> Self {
        Self::Buttons { buttons: buttons.iter().map(ToString::to_string).collect() }
    }
}

impl Answer {
    /// Says something, with the buttons of [`HOME`].
    pub(crate) fn say(text: impl Into<String>) -> Self {
        Self { message: Message { text: text.into() }, keyboard: Keyboard::home() }
    }

    /// The same answer with these buttons.
    pub(crate) fn with(self, buttons: &[impl ToString]) -> Self {
        Self { keyboard: Keyboard::of(buttons), ..self }
    }

    /// The same answer with a field to type in.
    pub(crate) fn typed(self) -> Self {
        Self { keyboard: Keyboard::Text, ..self }
    }
}
