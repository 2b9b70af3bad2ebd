//! Reading what a partner answered: whatever comes, it is an answer in its proper form or a reason why
//! not. Pure and total.
//!
//! Lenient reading takes what bots in the wild send (`kakao-naver-chatflow.md` §1.9, rules 4 to 7), and
//! lists what it put right. Strict reading refuses what the original refused (§1.8).

mod decode;
mod repair;

use std::borrow::Cow;

use maru_content::text::head;
use serde_json::{Map, Value};
use url::Url;

pub(crate) use repair::Repair;

use crate::error::{Code, Rejected};
use crate::limits::{BUTTONS_MAX, PHOTO_SIZE, TEXT_CHARS_MAX};
use crate::wire::keyboard::Keyboard;
use crate::wire::message::{Answer, Message, MessageButton, Photo};

/// How an answer is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// What can be understood is taken.
    Lenient,
    /// As the original read.
    Strict,
}

/// What reading came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading<T> {
    /// What was read.
    pub(crate) read: Result<T, Rejected>,
    /// What was wrong with it, each thing once. Also of what is refused.
    pub(crate) repairs: Vec<Repair>,
}

/// Reads the answer to `POST /message`.
pub(crate) fn answer(body: &[u8], content_type: Option<&str>, mode: Mode) -> Reading<Answer> {
    let mut reader = Reader { mode, code: Code::WrongMessageFormat, repairs: Vec::new() };
    let read = reader.object(body, content_type).and_then(|members| reader.answer(&members));
    Reading { read, repairs: reader.repairs }
}

/// Reads the answer to `GET /keyboard`.
pub(crate) fn keyboard(body: &[u8], content_type: Option<&str>, mode: Mode) -> Reading<Keyboard> {
    let code = Code::WrongKeyboardInitialization;
    let mut reader = Reader { mode, code, repairs: Vec::new() };
    let read = reader.object(body, content_type).and_then(|members| reader.home(&members));
    Reading { read, repairs: reader.repairs }
}

/// Reads one answer.
struct Reader {
    mode: Mode,
    /// What an unusable answer is called.
    code: Code,
    repairs: Vec<Repair>,
}

impl Reader {
    fn is_strict(&self) -> bool {
        self.mode == Mode::Strict
    }

    fn rejected(&self, detail: impl Into<Cow<'static, str>>) -> Rejected {
        Rejected::new(self.code, detail)
    }

    /// Notes what both ways of reading pass over.
    fn note(&mut self, repair: Repair) {
        if !self.repairs.contains(&repair) {
            self.repairs.push(repair);
        }
    }

    /// Notes what lenient reading puts right; strict reading ends with it.
    fn repair(&mut self, repair: Repair) -> Result<(), Rejected> {
        let wrong = self.rejected(repair.about());
        self.repair_or(repair, wrong)
    }

    fn repair_or(&mut self, repair: Repair, wrong: Rejected) -> Result<(), Rejected> {
        self.note(repair);
        if self.is_strict() { Err(wrong) } else { Ok(()) }
    }

    fn home(&mut self, members: &Map<String, Value>) -> Result<Keyboard, Rejected> {
        let wrapped = present(members, "keyboard").and_then(Value::as_object);
        match wrapped {
            Some(inner) if present(members, "type").is_none() => {
                self.repair(Repair::WrappedKeyboard)?;
                self.keyboard(inner)
            }
            _ => self.keyboard(members),
        }
    }

    fn answer(&mut self, members: &Map<String, Value>) -> Result<Answer, Rejected> {
        let none = Map::new();
        let inside = present(members, "message").and_then(Value::as_object);
        if inside.is_none() && self.is_strict() {
            return Err(self.rejected("there is no `message`"));
        }
        let parts = Parts { inside: inside.unwrap_or(&none), beside: members };
        let message = Message {
            text: match self.part(&parts, "text") {
                Some(text) => self.message_text(text)?,
                None => None,
            },
            photo: match self.part(&parts, "photo") {
                Some(photo) => self.photo(photo)?,
                None => None,
            },
            message_button: match self.message_button_part(&parts) {
                Some(button) => self.message_button(button)?,
                None => None,
            },
        };
        if message.is_empty() {
            return Err(self.rejected("there is nothing in `message`"));
        }
        let keyboard = match present(members, "keyboard") {
            None => None,
            Some(Value::Object(keyboard)) => Some(self.keyboard(keyboard)?),
            Some(_) => {
                self.repair(Repair::KeyboardType)?;
                Some(Keyboard::Text)
            }
        };
        Ok(Answer { message, keyboard })
    }

    /// A part of the message: where it belongs, else where else it may stand. There the original passes
    /// it over, and refuses the answer only if nothing else is in it.
    fn part<'v>(&mut self, parts: &Parts<'v>, name: &str) -> Option<&'v Value> {
        present(parts.inside, name).or_else(|| {
            let beside = present(parts.beside, name)?;
            self.misplaced(beside, Repair::Beside)
        })
    }

    fn message_button_part<'v>(&mut self, parts: &Parts<'v>) -> Option<&'v Value> {
        self.part(parts, "message_button").or_else(|| {
            let camel = self.part(parts, "messageButton")?;
            self.misplaced(camel, Repair::CamelCase)
        })
    }

    fn misplaced<'v>(&mut self, part: &'v Value, repair: Repair) -> Option<&'v Value> {
        self.note(if self.is_strict() { Repair::PassedOver } else { repair });
        (!self.is_strict()).then_some(part)
    }

    fn message_text(&mut self, value: &Value) -> Result<Option<String>, Rejected> {
        let Some(text) = self.text_of(value, Repair::Text)? else { return Ok(None) };
        let kept = head(&text, TEXT_CHARS_MAX);
        if kept.len() < text.len() {
            self.note(Repair::TextMax);
        }
        Ok(Some(kept.to_owned()))
    }

    /// A text that is not empty; a number is written as one.
    fn text_of(&mut self, value: &Value, otherwise: Repair) -> Result<Option<String>, Rejected> {
        match value {
            Value::String(text) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
            Value::Number(number) => {
                self.repair(Repair::NumberOrText)?;
                Ok(Some(number.to_string()))
            }
            _ => {
                self.repair(otherwise)?;
                Ok(None)
            }
        }
    }

    fn photo(&mut self, value: &Value) -> Result<Option<Photo>, Rejected> {
        let Some(members) = value.as_object() else {
            self.repair(Repair::Photo)?;
            return Ok(None);
        };
        let Some(url) = present(members, "url").and_then(Value::as_str) else {
            self.repair(Repair::Photo)?;
            return Ok(None);
        };
        if !leads_somewhere(url) {
            self.note(Repair::Link);
            return Ok(None);
        }
        let (width, height) = PHOTO_SIZE;
        Ok(Some(Photo {
            url: url.to_owned(),
            width: self.pixels(members.get("width"), width)?,
            height: self.pixels(members.get("height"), height)?,
        }))
    }

    fn pixels(&mut self, value: Option<&Value>, otherwise: u32) -> Result<u32, Rejected> {
        let whole = match value {
            Some(Value::Number(number)) => match number.as_u64() {
                Some(whole) => Some(whole),
                None => {
                    self.repair(Repair::NumberOrText)?;
                    number.as_f64().map(|number| number.round() as u64)
                }
            },
            Some(Value::String(text)) => {
                self.repair(Repair::NumberOrText)?;
                text.trim().trim_end_matches("px").trim_end().parse().ok()
            }
            _ => None,
        };
        match whole.and_then(|whole| u32::try_from(whole).ok()).filter(|pixels| *pixels > 0) {
            Some(pixels) => Ok(pixels),
            None => {
                self.repair(Repair::PhotoSize)?;
                Ok(otherwise)
            }
        }
    }

    fn message_button(&mut self, value: &Value) -> Result<Option<MessageButton>, Rejected> {
        let label = match value.get("label") {
            Some(label) => self.text_of(label, Repair::MessageButton)?,
            None => None,
        };
        let url = value.get("url").and_then(Value::as_str);
        let Some((label, url)) = label.zip(url) else {
            self.repair(Repair::MessageButton)?;
            return Ok(None);
        };
        if !leads_somewhere(url) {
            self.note(Repair::Link);
            return Ok(None);
        }
        Ok(Some(MessageButton { label, url: url.to_owned() }))
    }

    fn keyboard(&mut self, members: &Map<String, Value>) -> Result<Keyboard, Rejected> {
        match present(members, "type").and_then(Value::as_str) {
            Some("text") => Ok(Keyboard::Text),
            Some("buttons") => self.buttons(members.get("buttons")),
            _ => {
                self.repair(Repair::KeyboardType)?;
                Ok(Keyboard::Text)
            }
        }
    }

    fn buttons(&mut self, value: Option<&Value>) -> Result<Keyboard, Rejected> {
        let given = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut buttons = Vec::with_capacity(given.len().min(BUTTONS_MAX));
        for value in given {
            if buttons.len() == BUTTONS_MAX {
                self.note(Repair::ButtonsMax);
                break;
            }
            let label = match value {
                Value::String(label) if label.trim().is_empty() => {
                    self.repair(Repair::Label)?;
                    None
                }
                other => self.text_of(other, Repair::Label)?,
            };
            buttons.extend(label);
        }
        if buttons.is_empty() {
            self.repair(Repair::Buttons)?;
            return Ok(Keyboard::Text);
        }
        Ok(Keyboard::Buttons { buttons })
    }
}

/// Where the parts of a message may stand.
struct Parts<'v> {
    /// `message`.
    inside: &'v Map<String, Value>,
    /// The whole answer.
    beside: &'v Map<String, Value>,
}

/// A member that is there. `null` is as if it were not, in every mode: servers of the time wrote it for
/// what they left out.
fn present<'v>(members: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    members.get(name).filter(|value| !value.is_null())
}

/// Whether somebody may be led to this address, or a picture fetched from it.
fn leads_somewhere(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

#[cfg(test)]
mod tests;
