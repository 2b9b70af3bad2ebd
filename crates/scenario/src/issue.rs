//! What is wrong with a scenario file, and where.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::limits::{ISSUES_MAX, PATTERNS_MAX};

/// One thing that a validation found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Issue {
    /// Whether the scenario can be used nevertheless.
    pub severity: Severity,
    /// The place in the file, as a JSON Pointer (RFC 6901).
    pub pointer: String,
    /// What kind of thing it is, for machines.
    pub code: Code,
    /// What it is, for the scenario's author.
    pub message: String,
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let place = if self.pointer.is_empty() { "(the file)" } else { &self.pointer };
        write!(f, "{severity} at {place}: {}", self.message)
    }
}

/// How bad an issue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The scenario cannot be used.
    Error,
    /// The scenario can be used, and may not do what was meant.
    Warning,
}

/// What kind of thing an issue is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The file is not JSON.
    NotJson,
    /// The file, or a part of it, is larger than it may be.
    TooLarge,
    /// An object has the same member twice.
    DuplicateMember,
    /// A value is of the wrong JSON type.
    WrongType,
    /// A member that the language does not know.
    UnknownMember,
    /// A member that has to be there is not.
    MissingMember,
    /// A value that is not among those that are possible.
    BadValue,
    /// A template that cannot be read.
    BadTemplate,
    /// A condition that cannot be read.
    BadCondition,
    /// A regular expression that cannot be read, or is too large.
    BadPattern,
    /// A node's id, or a name, of other than the possible characters.
    BadId,
    /// A text that is empty and may not be.
    EmptyText,
    /// A text literal of more characters than a bubble may have.
    TextTooLong,
    /// More buttons than a keyboard may have.
    TooManyButtons,
    /// Two buttons that say the same.
    DuplicateButton,
    /// A select node without choices.
    NoChoices,
    /// A node that is led to and does not exist.
    UnknownNode,
    /// A slot that is used and not declared.
    UndeclaredSlot,
    /// A webhook that is called and not declared.
    UndeclaredWebhook,
    /// A consent that is needed and not declared.
    UndeclaredConsent,
    /// A node that the user could never leave by itself.
    NoWayOn,
    /// More nodes in a row without the user than a turn may pass.
    TooManyHops,
    /// A circle of nodes of which none waits for the user.
    EndlessLoop,
    /// A circle of nodes that waits for the user only sometimes.
    PossibleLoop,
    /// A condition node of which no way may be open.
    MayFallThrough,
    /// A node that nothing leads to.
    Unreachable,
    /// Something that can never take effect.
    NoEffect,
    /// A custom node whose handler is not declared.
    UnresolvedHandler,
    /// Something of another format that became something else here.
    Imported,
    /// A link that is not https.
    NotHttps,
    /// A text longer than a channel shows.
    ChannelText,
    /// More buttons than a channel shows.
    ChannelButtons,
    /// A label longer than a channel shows.
    ChannelLabel,
    /// More bubbles in a turn than a channel shows.
    ChannelBubbles,
    /// A picture or a link on a channel that has none.
    ChannelContent,
    /// A handoff on a channel on which nobody can speak first.
    ChannelPush,
}

/// Where issues are gathered while a file is read.
#[derive(Debug, Default)]
pub(crate) struct Issues {
    list: RefCell<Vec<Issue>>,
    errors: Cell<usize>,
    warnings: Cell<usize>,
    patterns: Cell<usize>,
    references: RefCell<Vec<Reference>>,
}

/// A place of the file that names something declared elsewhere.
#[derive(Debug)]
pub(crate) struct Reference {
    pub(crate) pointer: String,
    pub(crate) to: Referred,
    pub(crate) name: String,
    /// The value that is written to it, if the file says.
    pub(crate) literal: Option<Value>,
}

/// What is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Referred {
    Node,
    Slot,
    /// A slot that is asked for or written.
    SlotWritten,
    Webhook,
    /// A custom node's handler, which may come from elsewhere.
    Handler,
}

impl Issues {
    pub(crate) fn add(&self, issue: Issue) {
        let counted = match issue.severity {
            Severity::Error => &self.errors,
            Severity::Warning => &self.warnings,
        };
        counted.set(counted.get() + 1);
        if counted.get() <= ISSUES_MAX {
            self.list.borrow_mut().push(issue);
        }
    }

    /// Counts one more regular expression: whether there may be one.
    pub(crate) fn count_pattern(&self) -> bool {
        self.patterns.set(self.patterns.get() + 1);
        self.patterns.get() <= PATTERNS_MAX
    }

    pub(crate) fn refer(&self, reference: Reference) {
        self.references.borrow_mut().push(reference);
    }

    /// Everything that was named, to be looked up once the whole file is read.
    pub(crate) fn take_references(&self) -> Vec<Reference> {
        self.references.take()
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.errors.get() > 0
    }

    /// All of them: errors first, then in the order of their places.
    pub(crate) fn into_sorted(self) -> Vec<Issue> {
        let mut list = self.list.into_inner();
        list.sort_by(|a, b| {
            (a.severity, &a.pointer, a.code).cmp(&(b.severity, &b.pointer, b.code))
        });
        list.dedup();
        list
    }
}
