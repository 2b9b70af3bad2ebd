//! What agents' pages are sent.

use std::collections::BTreeSet;

use maru_accounts::StaffRole;
use maru_activity::{ConversationId, Seq};
use serde::Serialize;

use super::Entry;
use crate::view::{AgentState, ChatView, DnView, GroupStats};

/// A frame: its envelope and its body.
#[derive(Debug, Serialize)]
pub(crate) struct Frame<'a, D> {
    t: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    r: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    c: Option<&'a ConversationId>,
    d: D,
}

/// A frame of this type.
pub(crate) fn frame<D: Serialize>(t: &'static str, d: D) -> Frame<'static, D> {
    Frame { t, r: None, c: None, d }
}

impl<'a, D: Serialize> Frame<'a, D> {
    /// That answers a request.
    pub(crate) fn to(self, id: Option<&'a str>) -> Self {
        Self { r: id, ..self }
    }

    /// That is about a chat.
    pub(crate) fn about(self, call: &'a ConversationId) -> Self {
        Self { c: Some(call), ..self }
    }

    /// As it goes out.
    pub(crate) fn to_text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

/// Everything that an agent is shown.
#[derive(Debug, Serialize)]
pub(crate) struct Snapshot<'a> {
    pub(crate) me: Me<'a>,
    pub(crate) state: &'a AgentState,
    pub(crate) chats: &'a [ChatView],
    pub(crate) dns: &'a [DnView],
    pub(crate) stats: &'a [GroupStats],
    pub(crate) limits: Limits,
    pub(crate) hb: u64,
    pub(crate) now: String,
    pub(crate) upload: Upload,
}

/// Who is signed in.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Me<'a> {
    pub(crate) dn: &'a str,
    /// The name that customers see.
    pub(crate) name: &'a str,
    pub(crate) login: &'a str,
    pub(crate) realm: &'a str,
    pub(crate) roles: &'a BTreeSet<StaffRole>,
}

/// What the client may send.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Limits {
    pub(crate) msg: usize,
    pub(crate) comment: usize,
    pub(crate) frame: usize,
    pub(crate) file: usize,
    pub(crate) files: usize,
    pub(crate) rate: Rate,
}

/// How often it may send.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Rate {
    pub(crate) per_second: u32,
    pub(crate) burst: u32,
}

/// Where files are sent to.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Upload {
    pub(crate) url: &'static str,
}

/// A page of older entries.
#[derive(Debug, Serialize)]
pub(crate) struct Hist {
    pub(crate) entries: Vec<Entry>,
    /// Where it begins: older ones come before this.
    pub(crate) from: Seq,
    pub(crate) more: bool,
}

/// What was done.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mid: Option<Box<str>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) dup: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) epoch: Option<u64>,
}
