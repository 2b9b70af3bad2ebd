//! What a conversation looks like on a terminal. Nothing that others wrote can steer it.

use std::collections::HashSet;
use std::io;

use serde_json::{Value, json};

use crate::terminal::{Line, Plain, say};

/// The screen, and what must be remembered of what was shown on it.
#[derive(Debug)]
pub(super) struct Screen {
    user: String,
    is_terminal: bool,
    /// The suggested actions that numbers press now.
    actions: Vec<Value>,
    /// Ids that were shown: an update comes under an old one.
    seen: HashSet<String>,
}

impl Screen {
    pub(super) fn new(user: String, is_terminal: bool) -> Self {
        Self { user, is_terminal, actions: Vec::new(), seen: HashSet::new() }
    }

    pub(super) fn user(&self) -> &str {
        &self.user
    }

    /// Shows what was said. Gives whether it was a message of somebody else.
    pub(super) fn show(&mut self, activity: &Value) -> io::Result<bool> {
        let text = |name: &str| activity[name].as_str().unwrap_or("");
        let own = activity["from"]["id"].as_str() == Some(&self.user);
        let name = activity["from"]["name"].as_str().or(activity["from"]["id"].as_str());
        let name = Line(if own { "you" } else { name.unwrap_or("bot") }).to_string();
        let again = !self.seen.insert(text("id").to_owned());
        match text("type") {
            "message" => self.message(activity, &name, again)?,
            "messageUpdate" => self.message(activity, &name, true)?,
            "messageDelete" => self.note(&format!("{name} took a message back"))?,
            "typing" if !own => self.note(&format!("{name} is typing"))?,
            "endOfConversation" => self.note(&format!("{name} ended the conversation"))?,
            "event" => self.note(&format!("{name} sent the event {}", Line(text("name"))))?,
            _ => {}
        }
        Ok(!own && text("type") == "message")
    }

    fn message(&mut self, activity: &Value, name: &str, again: bool) -> io::Result<()> {
        let again = if again { " (changed)" } else { "" };
        let text = activity["text"].as_str().unwrap_or("");
        let mut said = Plain(text).to_string().replace('\n', "\n    ");
        for attachment in activity["attachments"].as_array().into_iter().flatten() {
            said.push_str(&format!("\n    {}", link(attachment)));
        }
        say(format!("{name}{again}: {}", said.trim_start_matches("\n    ")))?;
        self.suggest(activity)
    }

    /// Shows suggested actions with their numbers. They go with the next message.
    fn suggest(&mut self, activity: &Value) -> io::Result<()> {
        let none = Vec::new();
        let actions = activity["suggestedActions"]["actions"].as_array().unwrap_or(&none);
        self.actions.clone_from(actions);
        for (index, action) in self.actions.iter().enumerate() {
            let title = action["title"].as_str().or(action["value"].as_str()).unwrap_or("");
            say(format!("    [{}] {}", index + 1, Line(title)))?;
        }
        Ok(())
    }

    /// A remark that nobody said.
    pub(super) fn note(&self, text: &str) -> io::Result<()> {
        let text = Line(text);
        if self.is_terminal {
            say(format!("\x1b[2m({text})\x1b[0m"))
        } else {
            say(format!("({text})"))
        }
    }

    pub(super) fn help(&self) -> io::Result<()> {
        say("A line is sent as a message; a number presses the suggested action of that number.\n\
             /upload FILE  sends a file\n\
             /quit         leaves")
    }

    /// What to post for a line: the suggested action that its number presses, or else its text.
    pub(super) fn activity(&self, line: &str) -> Value {
        let pressed = line.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let action = pressed.and_then(|index| self.actions.get(index));
        let mut activity = json!({
            "type": "message",
            "from": { "id": self.user, "name": self.user, "role": "user" },
            "locale": "en-US",
            "textFormat": "plain",
        });
        let Some(action) = action else {
            activity["text"] = line.into();
            return activity;
        };
        let value = &action["value"];
        match action["type"].as_str() {
            // A postBack is heard by the bot and said by nobody.
            Some("postBack") => {
                activity["channelData"] = json!({ "postBack": true });
                match value.as_str() {
                    Some(text) => activity["text"] = text.into(),
                    None => activity["value"] = value.clone(),
                }
            }
            Some("messageBack") => {
                activity["channelData"] =
                    json!({ "messageBack": { "displayText": action["displayText"] } });
                activity["text"] = action["text"].clone();
                activity["value"] = value.clone();
            }
            _ => {
                let text = value.as_str().or(action["title"].as_str());
                activity["text"] = text.unwrap_or("").into();
            }
        }
        activity
    }
}

fn link(attachment: &Value) -> String {
    let kind = Line(attachment["contentType"].as_str().unwrap_or("?"));
    let name = Line(attachment["name"].as_str().unwrap_or(""));
    match attachment["contentUrl"].as_str() {
        Some(url) if url.starts_with("data:") => format!("[{kind}] {name} (inline)"),
        Some(url) => format!("[{kind}] {name} {}", Line(url)),
        None => {
            format!("[{kind}] {}", Line(attachment["content"]["title"].as_str().unwrap_or("card")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_press_what_was_suggested_last() {
        let mut screen = Screen::new("me".to_owned(), false);
        assert_eq!(screen.activity("1")["text"], "1");
        let suggest = |actions: Value| {
            json!({ "type": "message", "id": "c|1", "from": { "id": "b" }, "text": "?",
                    "suggestedActions": { "actions": actions } })
        };
        let actions = json!([
            { "type": "imBack", "title": "Yes", "value": "yes" },
            { "type": "postBack", "title": "No", "value": { "no": 1 } },
        ]);
        screen.show(&suggest(actions)).unwrap();
        assert_eq!(screen.activity("1")["text"], "yes");
        assert_eq!(screen.activity("2")["value"], json!({ "no": 1 }));
        assert_eq!(screen.activity("3")["text"], "3");
        screen.show(&suggest(json!([]))).unwrap();
        assert_eq!(screen.activity("1")["text"], "1");
    }

    #[test]
    fn links_cannot_steer_the_terminal() {
        let hostile = json!({ "contentType": "image/png", "name": "a\x1b[2J", "contentUrl": "http://x/\x07" });
        assert!(!link(&hostile).contains(['\x1b', '\x07']));
    }
}
