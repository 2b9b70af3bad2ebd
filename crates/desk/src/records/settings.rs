//! A realm's desk settings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::limits::SECS_MAX;
use crate::records::BadDn;

/// A realm's desk settings. Every default is that of web-chat-desk.md §4.7.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeskSettings {
    /// The group that bots hand over to, if neither they nor their number say.
    pub default_group: Option<Box<str>>,
    /// T_ring: how long an agent is asked, in seconds.
    pub ring_secs: u32,
    /// T_reject_cooldown: for how long an agent is not asked again about a call that they did not
    /// take, in seconds.
    pub cooldown_secs: u32,
    /// T_misses: after how many missed calls in a row an agent is set not ready.
    pub misses: u32,
    /// T_queue: how long a customer waits, in seconds; 0 for as long as they like.
    pub queue_secs: u32,
    /// T_total: how long a call may go unanswered in all, in seconds.
    pub total_secs: u32,
    /// T_resume_customer: how long a customer whose link broke is waited for, in seconds.
    pub customer_secs: u32,
    /// T_resume_agent: how long an agent whose link broke is waited for, in seconds.
    pub agent_secs: u32,
    /// T_idle_customer: after how long a call ends in which the customer says nothing, in seconds.
    pub idle_secs: u32,
    /// After how long they are asked whether they are there, in seconds.
    pub idle_warning_secs: u32,
    /// T_idle_agent: after how long without a first answer an operator is told, in seconds.
    pub idle_agent_first_secs: u32,
    /// T_idle_agent: the same for every later answer, in seconds.
    pub idle_agent_secs: u32,
    /// T_wrapup: how long agents have for writing up, in seconds; 0 for none.
    pub wrapup_secs: u32,
    /// T_transfer: how long an agent is asked to whom a call is transferred, in seconds.
    pub transfer_secs: u32,
    /// What customers are told, by language (`ko`, `en`). Those that are missing are built in.
    pub texts: BTreeMap<Box<str>, Texts>,
}

/// What customers are told in one language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Texts {
    /// They have said nothing for a while.
    pub idle_warning: Box<str>,
    /// The agent whom they talked to has gone, and another is looked for.
    pub agent_lost: Box<str>,
}

impl Default for DeskSettings {
    fn default() -> Self {
        Self {
            default_group: None,
            ring_secs: 20,
            cooldown_secs: 30,
            misses: 3,
            queue_secs: 180,
            total_secs: 600,
            customer_secs: 120,
            agent_secs: 30,
            idle_secs: 600,
            idle_warning_secs: 480,
            idle_agent_first_secs: 120,
            idle_agent_secs: 300,
            wrapup_secs: 60,
            transfer_secs: 20,
            texts: BTreeMap::new(),
        }
    }
}

impl DeskSettings {
    /// Checks the numbers: each from 1 second to a day, but for those of which 0 means "none".
    ///
    /// # Errors
    /// [`BadDn::Setting`] names the one that is wrong.
    pub fn check(&self) -> Result<(), BadDn> {
        let from_1 = [
            ("ring_secs", self.ring_secs),
            ("cooldown_secs", self.cooldown_secs),
            ("misses", self.misses),
            ("total_secs", self.total_secs),
            ("customer_secs", self.customer_secs),
            ("agent_secs", self.agent_secs),
            ("idle_secs", self.idle_secs),
            ("idle_warning_secs", self.idle_warning_secs),
            ("idle_agent_first_secs", self.idle_agent_first_secs),
            ("idle_agent_secs", self.idle_agent_secs),
            ("transfer_secs", self.transfer_secs),
        ];
        for (setting, value) in from_1 {
            within(setting, value, 1, SECS_MAX)?;
        }
        within("queue_secs", self.queue_secs, 0, SECS_MAX)?;
        within("wrapup_secs", self.wrapup_secs, 0, SECS_MAX)?;
        if self.idle_warning_secs >= self.idle_secs {
            let problem = "must be less than idle_secs".to_owned();
            return Err(BadDn::Setting { setting: "idle_warning_secs", problem });
        }
        Ok(())
    }

    /// What a customer of this language is told; in English if theirs is not known.
    pub fn texts(&self, locale: Option<&str>) -> Texts {
        let language = locale.and_then(|tag| tag.split(['-', '_']).next()).unwrap_or("en");
        let language = language.to_ascii_lowercase();
        let set = self.texts.get(language.as_str()).cloned();
        set.unwrap_or_else(|| if language == "ko" { Texts::korean() } else { Texts::english() })
    }
}

impl Texts {
    fn korean() -> Self {
        Self {
            idle_warning:
                "한동안 말씀이 없으셔서 상담이 곧 종료됩니다. 계속하시려면 메시지를 남겨 주세요."
                    .into(),
            agent_lost:
                "상담원과의 연결이 끊어져 다른 상담원을 찾고 있습니다. 잠시만 기다려 주세요.".into(),
        }
    }

    fn english() -> Self {
        Self {
            idle_warning: "Are you still there? The chat will end soon unless you write.".into(),
            agent_lost: "The agent lost the connection. We are looking for somebody else.".into(),
        }
    }
}

pub(super) fn within(
    setting: &'static str,
    value: u32,
    least: u32,
    most: u32,
) -> Result<(), BadDn> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(BadDn::Setting { setting, problem: format!("must be from {least} to {most}") })
}
