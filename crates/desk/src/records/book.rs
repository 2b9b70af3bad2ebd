//! All numbers of a realm together, and what must hold between them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::limits::{
    CALLS_MAX, DN_CHARS_MAX, DNS_MAX, MEMBERS_MAX, NAME_CHARS_MAX, QUEUE_MAX, SECS_MAX,
};
use crate::records::settings::within;
use crate::records::{AgentRecord, DeskSettings, DnRecord, GroupRecord};

/// What is wrong with a number or a setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDn {
    /// The text is no number.
    #[error("{0:?} is no number: 1 to 32 of 0-9 A-Z a-z * # + _ . - are")]
    Dn(String),
    /// A name is empty or too long.
    #[error("the name of {0} must have from 1 to 100 characters")]
    Name(String),
    /// A setting is out of its bounds.
    #[error("{setting}: {problem}")]
    Setting {
        /// Which.
        setting: &'static str,
        /// What would be right.
        problem: String,
    },
    /// It names a number that is not there, or of a kind that does not fit.
    #[error("{dn} names {other}, which is not {wanted}")]
    Names {
        /// The number.
        dn: String,
        /// What it names.
        other: String,
        /// What would be right.
        wanted: &'static str,
    },
    /// Its overflow or alias comes back to itself.
    #[error("calls to {0} would come back to it")]
    Loop(String),
    /// Another number names it.
    #[error("{dn} is still named by {by}")]
    Used {
        /// The number.
        dn: String,
        /// Who names it.
        by: String,
    },
    /// There is no such number.
    #[error("there is no number {0}")]
    Unknown(String),
    /// There is one already.
    #[error("there is a number {0} already")]
    Exists(String),
    /// There are too many.
    #[error("a realm has at most {DNS_MAX} numbers")]
    TooMany,
}

/// All numbers of a realm, and its desk settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    /// The numbers.
    pub dns: BTreeMap<Box<str>, Arc<DnRecord>>,
    /// The settings.
    pub settings: DeskSettings,
}

impl Book {
    /// What a number is; of an alias what it stands for.
    pub fn dial(&self, dn: &str) -> Option<&Arc<DnRecord>> {
        let mut record = self.dns.get(dn)?;
        // Checked when it was written; counted all the same, since two writers may make a loop.
        for _ in 0..self.dns.len() {
            let DnRecord::Alias(alias) = &**record else { return Some(record) };
            record = self.dns.get(&alias.to)?;
        }
        None
    }

    /// The agent of this number.
    pub fn agent(&self, dn: &str) -> Option<&AgentRecord> {
        match self.dns.get(dn).map(|record| &**record) {
            Some(DnRecord::Agent(agent)) => Some(agent),
            _ => None,
        }
    }

    /// The group of this number.
    pub fn group(&self, dn: &str) -> Option<&GroupRecord> {
        match self.dns.get(dn).map(|record| &**record) {
            Some(DnRecord::Group(group)) => Some(group),
            _ => None,
        }
    }

    /// The groups that an agent is in.
    pub fn groups_of<'a>(&'a self, agent: &'a str) -> impl Iterator<Item = &'a GroupRecord> {
        self.dns.values().filter_map(move |record| match &**record {
            DnRecord::Group(group) if group.members.iter().any(|m| &*m.dn == agent) => Some(group),
            _ => None,
        })
    }

    /// Adds or replaces a number, if all is well afterwards.
    ///
    /// # Errors
    /// [`BadDn`] says what would not be.
    pub fn put(&mut self, record: DnRecord) -> Result<(), BadDn> {
        check_alone(&record)?;
        if self.dns.len() >= DNS_MAX && !self.dns.contains_key(record.dn()) {
            return Err(BadDn::TooMany);
        }
        let dn: Box<str> = record.dn().into();
        let old = self.dns.insert(dn.clone(), Arc::new(record));
        // Whoever names it may have counted on what it was.
        let checked = self.dns.values().try_for_each(|record| self.check_names(record));
        let checked = checked.and_then(|()| self.check_loops());
        if checked.is_err() {
            match old {
                Some(old) => self.dns.insert(dn, old),
                None => self.dns.remove(&dn),
            };
        }
        checked
    }

    /// Takes a number away.
    ///
    /// # Errors
    /// [`BadDn::Unknown`]; [`BadDn::Used`] while another number or the settings name it.
    pub fn remove(&mut self, dn: &str) -> Result<(), BadDn> {
        if !self.dns.contains_key(dn) {
            return Err(BadDn::Unknown(dn.to_owned()));
        }
        let used = |by: &str| BadDn::Used { dn: dn.to_owned(), by: by.to_owned() };
        let named = self.dns.values().find(|r| r.dn() != dn && r.names().any(|other| other == dn));
        if let Some(by) = named {
            return Err(used(by.dn()));
        }
        if self.settings.default_group.as_deref() == Some(dn) {
            return Err(used("the settings"));
        }
        self.dns.remove(dn);
        Ok(())
    }

    /// Replaces the settings.
    ///
    /// # Errors
    /// [`BadDn`] names the one that is wrong.
    pub fn set(&mut self, settings: DeskSettings) -> Result<(), BadDn> {
        settings.check()?;
        if let Some(group) = &settings.default_group {
            self.expect("the settings", group, "a group", |r| matches!(r, DnRecord::Group(_)))?;
        }
        self.settings = settings;
        Ok(())
    }

    fn check_names(&self, record: &DnRecord) -> Result<(), BadDn> {
        let dn = record.dn();
        let is_group = |record: &DnRecord| matches!(record, DnRecord::Group(_));
        match record {
            DnRecord::Group(group) => {
                for member in &group.members {
                    let is_agent = |r: &DnRecord| matches!(r, DnRecord::Agent(_));
                    self.expect(dn, &member.dn, "an agent", is_agent)?;
                }
            }
            DnRecord::Virtual(bot) => {
                if let Some(group) = &bot.group {
                    self.expect(dn, group, "a group", is_group)?;
                }
            }
            DnRecord::Alias(alias) => self.expect(dn, &alias.to, "a number", |_| true)?,
            DnRecord::Agent(_) => {}
        }
        match record.overflow() {
            Some(overflow) => self.expect(dn, overflow, "a number", |_| true),
            None => Ok(()),
        }
    }

    fn expect(
        &self,
        dn: &str,
        other: &str,
        wanted: &'static str,
        fits: impl Fn(&DnRecord) -> bool,
    ) -> Result<(), BadDn> {
        match self.dns.get(other) {
            Some(record) if fits(record) => Ok(()),
            _ => Err(BadDn::Names { dn: dn.to_owned(), other: other.to_owned(), wanted }),
        }
    }

    /// No alias and no overflow may lead back to where it began. Each number has one way on, so each
    /// walk is a line: longer than there are numbers, it is a ring.
    fn check_loops(&self) -> Result<(), BadDn> {
        for start in self.dns.keys() {
            let mut at = &**start;
            for _ in 0..=self.dns.len() {
                let next = self.dns.get(at).and_then(|record| match &**record {
                    DnRecord::Alias(alias) => Some(&*alias.to),
                    other => other.overflow(),
                });
                let Some(next) = next else { break };
                if next == &**start {
                    return Err(BadDn::Loop(start.to_string()));
                }
                at = next;
            }
        }
        Ok(())
    }
}

fn check_alone(record: &DnRecord) -> Result<(), BadDn> {
    let dn = record.dn();
    if !is_dn(dn) {
        return Err(BadDn::Dn(dn.to_owned()));
    }
    if !(1..=NAME_CHARS_MAX).contains(&record.name().chars().count()) {
        return Err(BadDn::Name(dn.to_owned()));
    }
    match record {
        DnRecord::Agent(agent) => within("max", agent.max, 1, CALLS_MAX),
        DnRecord::Group(group) => {
            if group.members.len() > MEMBERS_MAX {
                let problem = format!("must be at most {MEMBERS_MAX}");
                return Err(BadDn::Setting { setting: "members", problem });
            }
            for (index, member) in group.members.iter().enumerate() {
                if group.members.iter().take(index).any(|other| other.dn == member.dn) {
                    let problem = format!("{} is named twice", member.dn);
                    return Err(BadDn::Setting { setting: "members", problem });
                }
            }
            within("queue_max", group.queue_max, 0, QUEUE_MAX)?;
            within("ring_secs", group.ring_secs.unwrap_or(1), 1, SECS_MAX)?;
            within("queue_secs", group.queue_secs.unwrap_or(0), 0, SECS_MAX)?;
            within("wrapup_secs", group.wrapup_secs.unwrap_or(0), 0, SECS_MAX)
        }
        DnRecord::Virtual(_) | DnRecord::Alias(_) => Ok(()),
    }
}

/// Whether a text is a number (web-chat-desk.md §1.7, A14).
pub(crate) fn is_dn(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"*#+_.-".contains(&b);
    (1..=DN_CHARS_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::records::Policy;

    fn record(value: serde_json::Value) -> DnRecord {
        serde_json::from_value(value).unwrap()
    }

    fn book() -> Book {
        let mut book = Book::default();
        for value in [
            json!({"kind": "agent", "dn": "3001", "name": "Hana"}),
            json!({"kind": "group", "dn": "3000", "name": "Help", "members": [{"dn": "3001"}]}),
            json!({"kind": "virtual", "dn": "3105", "name": "Bot", "bot": "b", "group": "3000"}),
            json!({"kind": "alias", "dn": "help", "to": "3000"}),
        ] {
            book.put(record(value)).unwrap();
        }
        book
    }

    #[test]
    fn what_is_not_said_is_as_documented() {
        let book = book();
        assert_eq!(book.agent("3001").unwrap().max, 3);
        let group = book.group("3000").unwrap();
        assert_eq!((group.queue_max, group.policy), (100, Policy::LongestIdle));
        assert!(!group.accept_when_empty && !group.clear_when_empty);
        assert_eq!(group.members[0].rank, 1);
        assert_eq!(book.dial("help").unwrap().dn(), "3000");
        assert!(book.dial("4000").is_none());
        let text = serde_json::to_string(&*book.dns["3000"]).unwrap();
        assert_eq!(serde_json::from_str::<DnRecord>(&text).unwrap(), *book.dns["3000"]);
    }

    #[test]
    fn a_record_that_would_lead_nowhere_or_back_is_refused_and_nothing_changes() {
        let mut book = book();
        let before = book.clone();
        for (value, wrong) in [
            (json!({"kind": "agent", "dn": "30 01", "name": "x"}), "is no number"),
            (json!({"kind": "agent", "dn": "9", "name": ""}), "must have from 1"),
            (json!({"kind": "agent", "dn": "9", "name": "x", "max": 51}), "max: must be"),
            (json!({"kind": "agent", "dn": "9", "name": "x", "overflow": "8"}), "names 8"),
            (json!({"kind": "agent", "dn": "9", "name": "x", "overflow": "9"}), "come back"),
            (json!({"kind": "agent", "dn": "3001", "name": "x", "overflow": "help"}), ""),
            (
                json!({"kind": "group", "dn": "9", "name": "x", "members": [{"dn": "help"}]}),
                "an agent",
            ),
            (
                json!({"kind": "virtual", "dn": "9", "name": "x", "bot": "b", "group": "3001"}),
                "a group",
            ),
            (json!({"kind": "alias", "dn": "3001", "to": "3000"}), "an agent"),
            (json!({"kind": "alias", "dn": "9", "to": "9"}), "come back"),
        ] {
            match book.put(record(value.clone())) {
                // An agent's overflow to a group of which it is a member is no loop.
                Ok(()) if wrong.is_empty() => book = before.clone(),
                other => assert!(other.unwrap_err().to_string().contains(wrong), "{value}"),
            }
            assert_eq!(book, before, "{value}");
        }
        let back = json!({"kind": "group", "dn": "3000", "name": "x", "overflow": "help"});
        assert_eq!(book.put(record(back)).unwrap_err(), BadDn::Loop("3000".to_owned()));
        let twice = json!({"kind": "group", "dn": "9", "name": "x",
            "members": [{"dn": "3001"}, {"dn": "3001"}]});
        assert!(book.put(record(twice)).unwrap_err().to_string().contains("twice"));
        assert_eq!(book, before);
    }

    #[test]
    fn what_is_named_stays() {
        let mut book = book();
        assert!(matches!(book.remove("3001"), Err(BadDn::Used { by, .. }) if by == "3000"));
        let named = DeskSettings { default_group: Some("3000".into()), ..DeskSettings::default() };
        book.set(named).unwrap();
        book.remove("help").unwrap();
        book.remove("3105").unwrap();
        assert!(matches!(book.remove("3000"), Err(BadDn::Used { .. })));
        book.set(DeskSettings::default()).unwrap();
        book.remove("3000").unwrap();
        book.remove("3001").unwrap();
        assert!(book.dns.is_empty());
        assert_eq!(book.remove("3001"), Err(BadDn::Unknown("3001".to_owned())));
    }

    #[test]
    fn settings_keep_their_bounds() {
        let mut book = book();
        let wrong = DeskSettings { ring_secs: 0, ..DeskSettings::default() };
        assert!(book.set(wrong).unwrap_err().to_string().starts_with("ring_secs: must be"));
        let wrong = DeskSettings { idle_warning_secs: 600, ..DeskSettings::default() };
        assert!(book.set(wrong).is_err());
        let wrong = DeskSettings { default_group: Some("3001".into()), ..DeskSettings::default() };
        assert!(book.set(wrong).is_err());
        assert!(book.settings.texts(Some("ko-KR")).idle_warning.contains("상담"));
        assert!(book.settings.texts(Some("de")).idle_warning.contains("still there"));
    }
}
