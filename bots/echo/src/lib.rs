//! The built-in echo bot: it says back what it hears.
//!
//! It answers inside the delivery itself ([`Outcome::Taken`]), so it needs no network, and its
//! answers are committed together with the settlement. It is what a fresh server talks with, and
//! what a client is tried against.

mod config;
mod heard;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use maru_activity::{Account, Activity, Draft, Kind};
use maru_hall::{BadSettings, Bot, BotKind, BotRecord, Handed, Meta, Outcome, Said};
use serde_json::json;

pub use config::Settings;
use heard::Heard;

/// The word that makes the bot show its suggested actions.
const MENU: &str = "menu";

/// What the menu offers.
const CHOICES: [&str; 3] = ["Hello", "What can you do?", "Goodbye"];

/// The kind `echo`.
#[derive(Clone, Copy, Debug, Default)]
pub struct EchoKind;

impl BotKind for EchoKind {
    fn kind(&self) -> &'static str {
        "echo"
    }

    fn make(&self, record: &BotRecord) -> Result<Arc<dyn Bot>, BadSettings> {
        let settings = Settings::read(&record.settings)?;
        Ok(Arc::new(Echo { account: record.account(), settings }))
    }
}

/// An echo bot.
#[derive(Debug)]
struct Echo {
    account: Account,
    settings: Settings,
}

#[async_trait]
impl Bot for Echo {
    async fn deliver(&self, handed: Handed) -> Outcome {
        let heard = Heard::read(&handed.body);
        match handed.kind {
            Kind::ConversationUpdate if !self.settings.greeting.is_empty() => {
                let newcomer =
                    heard.members_added.iter().any(|member| member.id != self.account.id);
                taken(newcomer.then(|| self.say(&self.settings.greeting, None)))
            }
            Kind::Message => taken(self.answer(&handed, &heard)),
            Kind::Event => {
                let name = heard.name.as_deref().unwrap_or("without a name");
                taken(Some(self.say(&format!("Event: {name}"), Some(&handed.id))))
            }
            Kind::Invoke => {
                let result = heard.value.map_or_else(|| Bytes::from_static(b"{}"), Bytes::from);
                Outcome::Taken { answers: Vec::new(), result: Some(result) }
            }
            _ => Outcome::taken(),
        }
    }
}

impl Echo {
    /// What a message is answered with. `None`: there is nothing in it to say back.
    fn answer(&self, handed: &Handed, heard: &Heard) -> Option<Draft<'static>> {
        let text = heard.text.as_deref().unwrap_or("");
        if text.trim().eq_ignore_ascii_case(MENU) {
            return Some(self.menu(&handed.id));
        }
        let mut lines = Vec::with_capacity(2);
        // A pressed button says nothing and brings a value.
        let said = if text.is_empty() { heard.value.as_deref().unwrap_or("") } else { text };
        if !said.is_empty() {
            lines.push(format!("{}{said}", self.settings.prefix));
        }
        if !heard.files.is_empty() {
            let count = heard.files.len();
            lines.push(format!("Received {count} file(s): {}", heard.files.join(", ")));
        }
        (!lines.is_empty()).then(|| self.say(&lines.join("\n"), Some(&handed.id)))
    }

    fn menu(&self, reply_to: &str) -> Draft<'static> {
        let mut draft = self.say("What would you like to say?", Some(reply_to));
        let actions =
            CHOICES.map(|choice| json!({"type": "imBack", "title": choice, "value": choice}));
        draft.set_value("suggestedActions", &json!({"to": [], "actions": actions}));
        draft.set_text("inputHint", "expectingInput");
        draft
    }

    /// A message. What others wrote is said back as plain text, never as markup.
    ///
    /// `reply_to` is given only for what a client can see: Web Chat holds an answer back until the
    /// activity it answers has come.
    fn say(&self, text: &str, reply_to: Option<&str>) -> Draft<'static> {
        let mut draft = Draft::new(&Kind::Message);
        draft.set_value("from", &self.account);
        draft.set_text("textFormat", "plain");
        draft.set_text("text", text);
        if let Some(id) = reply_to {
            draft.set_text("replyToId", id);
        }
        draft
    }
}

fn taken(said: Option<Draft<'_>>) -> Outcome {
    let activity = said.and_then(|draft| draft.finish().ok());
    let answers = activity.map(|activity: Activity| Said { activity, meta: Meta::default() });
    Outcome::Taken { answers: answers.into_iter().collect(), result: None }
}

#[cfg(test)]
mod tests;
