//! What was wrong with an answer that could be used all the same.

use serde::Serialize;

/// One thing that was wrong. In lenient reading each is passed over or put right, and listed for the
/// bot's owner. Strict reading refuses the answer for it, but for the last four; and what stands in a
/// wrong place is as if it were not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Repair {
    /// The HTTP status is not 200, and the body is a message.
    Status,
    /// The content type is not `application/json`.
    ContentType,
    /// The text is not in the character set that is declared, or needed one to be.
    Charset,
    /// A byte order mark stands in front.
    ByteOrderMark,
    /// `messageButton` where `message_button` belongs.
    CamelCase,
    /// A part of the message stands beside `message`, or there is no `message`.
    Beside,
    /// The home keyboard is wrapped in `{"keyboard": …}`.
    WrappedKeyboard,
    /// A number stands where a text belongs, or a text where a number does.
    NumberOrText,
    /// The text is neither.
    Text,
    /// The picture has no address.
    Photo,
    /// The picture has no size; the recommended one is taken.
    PhotoSize,
    /// The link button has no label or no address.
    MessageButton,
    /// The keyboard's type is neither `text` nor `buttons`: it is a text keyboard.
    KeyboardType,
    /// A keyboard of buttons has none: it is a text keyboard.
    Buttons,
    /// Some of a keyboard's buttons have no label.
    Label,
    /// There are more than 100 buttons: the first are shown. The original does so too.
    ButtonsMax,
    /// The text has more than 1,000 characters: it is cut. The original does so too.
    TextMax,
    /// An address is neither `http` nor `https`: nobody is led there.
    Link,
    /// Something stands beside `message`, and was passed over as the original does: strict only.
    PassedOver,
}

impl Repair {
    /// It in a word, for counting.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::ContentType => "content_type",
            Self::Charset => "charset",
            Self::ByteOrderMark => "byte_order_mark",
            Self::CamelCase => "camel_case",
            Self::Beside => "beside",
            Self::WrappedKeyboard => "wrapped_keyboard",
            Self::NumberOrText => "number_or_text",
            Self::Text => "text",
            Self::Photo => "photo",
            Self::PhotoSize => "photo_size",
            Self::MessageButton => "message_button",
            Self::KeyboardType => "keyboard_type",
            Self::Buttons => "buttons",
            Self::Label => "label",
            Self::ButtonsMax => "buttons_max",
            Self::TextMax => "text_max",
            Self::Link => "link",
            Self::PassedOver => "passed_over",
        }
    }

    /// It in a sentence, for the bot's owner.
    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::Status => "the HTTP status is not 200",
            Self::ContentType => "the content type is not application/json",
            Self::Charset => "the text is not in UTF-8, or its character set is not declared",
            Self::ByteOrderMark => "a byte order mark stands in front of the JSON",
            Self::CamelCase => "messageButton should be message_button",
            Self::Beside => "a part of the message stands beside `message`, not in it",
            Self::WrappedKeyboard => "the home keyboard should not be wrapped in `keyboard`",
            Self::NumberOrText => "a number stands where a text belongs, or a text for a number",
            Self::Text => "`text` is no text",
            Self::Photo => "`photo` has no url",
            Self::PhotoSize => "`photo` has no width or no height",
            Self::MessageButton => "`message_button` has no label or no url",
            Self::KeyboardType => "the keyboard's type is neither text nor buttons",
            Self::Buttons => "a keyboard of buttons has no array of labels",
            Self::Label => "a button's label is empty or no text",
            Self::ButtonsMax => "there are more than 100 buttons; the first 100 are shown",
            Self::TextMax => "the text has more than 1,000 characters and is cut",
            Self::Link => "an address is neither http nor https",
            Self::PassedOver => "a member beside `message` is passed over",
        }
    }
}
