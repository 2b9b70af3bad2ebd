//! What was made of an answer → the one bubble and the keyboard.

use maru_content::limits::{PLUS_FRIEND_PHOTO_HEIGHT, PLUS_FRIEND_PHOTO_WIDTH};
use maru_content::{Bubble, Degraded, text};

use super::wire::{Answer, Keyboard, Message, MessageButton, Photo};

/// The longest label of the link, in characters: longer ones are not seen whole on any screen.
const LINK_LABEL_MAX: usize = 50;

/// The answer. What is within the protocol's limits stays so.
pub(crate) fn answer_of(made: Degraded) -> Answer {
    let mut message = Message::default();
    for bubble in made.bubbles {
        match bubble {
            Bubble::Card(card) => {
                message.text = Some(card.words()).filter(|words| !words.is_empty());
                // How large it is would have to be read from the picture itself.
                message.photo = card.image.map(|image| Photo {
                    url: image.url,
                    width: PLUS_FRIEND_PHOTO_WIDTH,
                    height: PLUS_FRIEND_PHOTO_HEIGHT,
                });
                let link = card.actions.into_iter().find(|action| !action.says());
                message.message_button = link.map(|link| MessageButton {
                    label: text::cut(&link.label, LINK_LABEL_MAX).into_owned(),
                    url: link.text,
                });
            }
            other => message.text = Some(other.words()),
        }
    }
    let mut buttons: Vec<String> = Vec::with_capacity(made.quick.len());
    for action in made.quick {
        // Of two with one label only one could ever be meant.
        if !buttons.contains(&action.label) {
            buttons.push(action.label);
        }
    }
    Answer { message, keyboard: Keyboard::of(buttons) }
}

/// A request for patience, with a button to ask again.
pub(crate) fn waiting(text: &str, button: &str) -> Answer {
    Answer::text(text, vec![button.to_owned()])
}
