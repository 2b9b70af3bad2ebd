//! The laws, judged from the ledger's books alone.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

use anyhow::Result;

use super::record::{Fact, Seen, books, read};

/// How many violations of one law are told in words; all are counted.
const TOLD_MAX: usize = 10;

/// What a writer's book tells of one post.
#[derive(Debug)]
struct Post {
    conversation: String,
    digest: String,
    /// The id it was acknowledged under, if it was.
    acked: Option<String>,
    /// Why the server would not have it.
    refused: Option<String>,
}

/// What the bot's book tells of its answers to one activity.
#[derive(Debug, Default)]
struct Answers {
    /// The digest of each call made, acknowledged or not.
    made: Vec<String>,
}

/// An answer that the server acknowledged.
#[derive(Debug)]
struct Answered {
    id: String,
    digest: String,
    typing: bool,
}

/// What a reader was shown, in order.
#[derive(Debug)]
struct Shown {
    reader: String,
    conversation: String,
    by_stream: bool,
    saw: Vec<Seen>,
}

/// One conversation as it was read back.
#[derive(Debug, Default)]
struct Log {
    by_pages: Vec<Seen>,
    by_stream: Vec<Seen>,
}

/// Everything that the books tell.
#[derive(Debug, Default)]
pub struct Evidence {
    posts: BTreeMap<String, Post>,
    delivered: Vec<(String, Seen)>,
    answers: HashMap<String, Answers>,
    answered: Vec<Answered>,
    readers: Vec<Shown>,
    logs: BTreeMap<String, Log>,
    dead: Vec<(String, Option<String>)>,
}

impl Evidence {
    /// Reads the books of a run.
    ///
    /// # Errors
    /// A book that cannot be read.
    pub fn load(folder: &Path) -> Result<Self> {
        let mut evidence = Self::default();
        for kind in ["writer", "bot", "dead-letters"] {
            for name in books(folder, kind)? {
                read(folder, &name, |fact| evidence.hear(fact))?;
            }
        }
        // The conversation behind a book's number: the log that was read back names it.
        let mut numbered: HashMap<String, String> = HashMap::new();
        for (kind, by_stream) in [("log-pages-", false), ("log-stream-", true)] {
            for name in books(folder, kind)? {
                let saw = saw(folder, &name)?;
                let conversation = conversation_of(&saw);
                let number = name.trim_start_matches(kind).to_owned();
                numbered.entry(number).or_insert_with(|| conversation.clone());
                let log = evidence.logs.entry(conversation).or_default();
                *(if by_stream { &mut log.by_stream } else { &mut log.by_pages }) = saw;
            }
        }
        for (kind, by_stream) in [("stream-", true), ("poll-", false)] {
            for reader in books(folder, kind)? {
                let saw = saw(folder, &reader)?;
                // Of several who read the same, each has a name after the number.
                let number = reader.trim_start_matches(kind).split('-').next().unwrap_or_default();
                let conversation = numbered.get(number).cloned().unwrap_or_default();
                evidence.readers.push(Shown { reader, conversation, by_stream, saw });
            }
        }
        // An empty log names no conversation; whatever was acknowledged in it Z1 will miss.
        evidence.logs.remove("");
        evidence.readers.retain(|shown| !shown.conversation.is_empty() || !shown.saw.is_empty());
        Ok(evidence)
    }

    fn hear(&mut self, fact: Fact) {
        match fact {
            Fact::Sends { conversation, key, digest } => {
                let post = Post { conversation, digest, acked: None, refused: None };
                self.posts.insert(key, post);
            }
            Fact::Acked { key, id, .. } => {
                if let Some(post) = self.posts.get_mut(&key) {
                    post.acked = Some(id);
                }
            }
            Fact::Refused { key, cause } => {
                if let Some(post) = self.posts.get_mut(&key) {
                    post.refused = Some(cause);
                }
            }
            Fact::Delivered { delivery, seen } => self.delivered.push((delivery, seen)),
            Fact::Answers { reply_to, digest } => {
                self.answers.entry(reply_to).or_default().made.push(digest);
            }
            Fact::Answered { id, digest, typing, .. } => {
                self.answered.push(Answered { id, digest, typing });
            }
            Fact::Dead { delivery, activity, .. } => self.dead.push((delivery, activity)),
            Fact::Saw(_) => {}
        }
    }

    /// What was said in all, for whoever prints it.
    pub fn summary(&self) -> String {
        let acked = self.posts.values().filter(|post| post.acked.is_some()).count();
        let entries: usize = self.logs.values().map(|log| log.by_stream.len()).sum();
        let readers = self.readers.len();
        format!(
            "{acked} posts acknowledged, {} deliveries and {} answers of the bot acknowledged, {entries} entries in {} conversations, {readers} readers, {} dead letters",
            self.delivered.len(),
            self.answered.len(),
            self.logs.len(),
            self.dead.len(),
        )
    }
}

fn saw(folder: &Path, name: &str) -> Result<Vec<Seen>> {
    let mut saw = Vec::new();
    read(folder, name, |fact| {
        if let Fact::Saw(seen) = fact {
            saw.push(seen);
        }
    })?;
    Ok(saw)
}

fn conversation_of(saw: &[Seen]) -> String {
    let id = saw.first().and_then(|seen| seen.id.rsplit_once('|'));
    id.map(|(conversation, _)| conversation.to_owned()).unwrap_or_default()
}

/// How one law fared.
#[derive(Debug)]
pub struct Verdict {
    /// `Z1`.
    pub law: &'static str,
    /// The law in words.
    pub says: &'static str,
    /// How many cases were looked at.
    pub checked: usize,
    /// How many broke it.
    pub broken: usize,
    /// Some of those, in words.
    pub told: Vec<String>,
}

impl Verdict {
    pub(crate) fn of(law: &'static str, says: &'static str) -> Self {
        Self { law, says, checked: 0, broken: 0, told: Vec::new() }
    }

    /// Looks at a case: `wrong` is what is wrong with it.
    pub(crate) fn case(&mut self, wrong: Option<String>) {
        self.checked += 1;
        if let Some(wrong) = wrong {
            self.broken += 1;
            if self.told.len() < TOLD_MAX {
                self.told.push(wrong);
            }
        }
    }

    /// Whether it was kept. A law that no case was put to was not.
    pub fn is_kept(&self) -> bool {
        self.broken == 0 && self.checked > 0
    }
}

/// Judges the evidence by every law.
pub fn judge(evidence: &Evidence) -> Vec<Verdict> {
    vec![
        z1_nothing_acknowledged_is_missing(evidence),
        z2_one_key_one_activity(evidence),
        z3_places_are_dense(evidence),
        z4_one_order(evidence),
        z5_readers_saw_each_once(evidence),
        z6_delivered_or_dead(evidence),
        z7_nothing_unsent(evidence),
        z8_bytes_are_equal(evidence),
    ]
}

fn z1_nothing_acknowledged_is_missing(evidence: &Evidence) -> Verdict {
    let mut verdict = Verdict::of("Z1", "nothing acknowledged is missing");
    let by_pages: HashMap<&str, &Seen> = by_id(evidence.logs.values().flat_map(|l| &l.by_pages));
    let by_stream: HashMap<&str, &Seen> = by_id(evidence.logs.values().flat_map(|l| &l.by_stream));
    for (key, post) in &evidence.posts {
        if let Some(cause) = &post.refused {
            verdict.case(Some(format!("{key} was refused: {cause}")));
        }
        if let Some(id) = &post.acked {
            let kept = by_pages.get(id.as_str()).is_some_and(|s| s.key.as_ref() == Some(key));
            verdict
                .case((!kept).then(|| format!("{key} was acknowledged as {id}, and is not there")));
        }
    }
    for answered in &evidence.answered {
        let shown = if answered.typing { &by_stream } else { &by_pages };
        let kept = shown.get(answered.id.as_str()).is_some_and(|s| s.digest == answered.digest);
        let id = &answered.id;
        verdict.case((!kept).then(|| format!("the bot's {id} was acknowledged, and is not there")));
    }
    verdict
}

fn by_id<'a>(seen: impl Iterator<Item = &'a Seen>) -> HashMap<&'a str, &'a Seen> {
    seen.map(|seen| (seen.id.as_str(), seen)).collect()
}

fn z2_one_key_one_activity(evidence: &Evidence) -> Verdict {
    let mut verdict = Verdict::of("Z2", "one client key, one activity");
    let mut ids: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    let everywhere = everything_shown(evidence).chain(evidence.delivered.iter().map(|(_, s)| s));
    for seen in everywhere {
        if let Some(key) = &seen.key {
            ids.entry(key).or_default().insert(&seen.id);
        }
    }
    for (key, post) in &evidence.posts {
        let mut ids = ids.remove(key.as_str()).unwrap_or_default();
        ids.extend(post.acked.as_deref());
        verdict.case((ids.len() > 1).then(|| format!("{key} became {ids:?}")));
    }
    verdict
}

/// Whatever a client was shown, live or afterwards.
fn everything_shown(evidence: &Evidence) -> impl Iterator<Item = &Seen> {
    let logs = evidence.logs.values().flat_map(|log| log.by_pages.iter().chain(&log.by_stream));
    logs.chain(evidence.readers.iter().flat_map(|shown| &shown.saw))
}

fn z3_places_are_dense(evidence: &Evidence) -> Verdict {
    let mut verdict = Verdict::of("Z3", "places are dense from 0, rise, and are never given twice");
    let mut places: BTreeMap<&str, BTreeMap<u64, &str>> = BTreeMap::new();
    for seen in everything_shown(evidence) {
        let (Some((conversation, _)), Some(place)) = (seen.id.rsplit_once('|'), seen.place())
        else {
            verdict.case(Some(format!("{} is no place", seen.id)));
            continue;
        };
        let digest = places.entry(conversation).or_default().entry(place).or_insert(&seen.digest);
        if *digest != seen.digest {
            verdict.case(Some(format!("{} was shown with two contents", seen.id)));
        }
    }
    for (conversation, places) in places {
        let end = places.last_key_value().map_or(0, |(last, _)| last + 1);
        let missing: Vec<u64> = (0..end).filter(|p| !places.contains_key(p)).take(5).collect();
        let wrong = format!("{conversation}, which has {end} places, lacks {missing:?}");
        verdict.case((!missing.is_empty()).then_some(wrong));
    }
    verdict
}

fn z4_one_order(evidence: &Evidence) -> Verdict {
    let mut verdict = Verdict::of("Z4", "one order: by pages, by streams, and to the bot");
    for (conversation, log) in &evidence.logs {
        let pages: Vec<(&str, &str)> = pairs(&log.by_pages).collect();
        let stream: Vec<(&str, &str)> = pairs(&log.by_stream).collect();
        let wrong = (pages != stream).then(|| {
            let at = pages.iter().zip(&stream).position(|(p, s)| p != s);
            let (p, s) = (pages.len(), stream.len());
            format!("{conversation}: {p} by pages, {s} by stream; they differ first at {at:?}")
        });
        verdict.case(wrong);
        for (how, seen) in [("pages", &log.by_pages), ("stream", &log.by_stream)] {
            let fell = first_fall(seen.iter());
            verdict.case(fell.map(|id| format!("{conversation}: by {how}, {id} came too late")));
        }
    }
    let mut handed: BTreeMap<&str, Vec<&Seen>> = BTreeMap::new();
    let mut known = HashSet::new();
    for (_, seen) in evidence.delivered.iter().filter(|(_, seen)| seen.key.is_some()) {
        // Attempts after the first say nothing about order.
        if let Some((conversation, _)) = seen.id.rsplit_once('|').filter(|_| known.insert(&seen.id))
        {
            handed.entry(conversation).or_default().push(seen);
        }
    }
    for (conversation, handed) in handed {
        let fell = first_fall(handed.into_iter());
        verdict.case(fell.map(|id| format!("{conversation}: the bot got {id} too late")));
    }
    verdict
}

/// Ids and contents, less `typing`, which only streams show.
fn pairs(seen: &[Seen]) -> impl Iterator<Item = (&str, &str)> {
    let kept = seen.iter().filter(|seen| !seen.is_typing());
    kept.map(|seen| (seen.id.as_str(), seen.digest.as_str()))
}

/// The first id whose place does not rise above all before it.
fn first_fall<'a>(seen: impl Iterator<Item = &'a Seen>) -> Option<&'a str> {
    let mut next = 0;
    for seen in seen {
        match seen.place() {
            Some(place) if place >= next => next = place + 1,
            _ => return Some(&seen.id),
        }
    }
    None
}

fn z5_readers_saw_each_once(evidence: &Evidence) -> Verdict {
    let mut verdict = Verdict::of("Z5", "a watermark reader saw each exactly once");
    for shown in &evidence.readers {
        let (reader, conversation) = (&shown.reader, &shown.conversation);
        let Some(log) = evidence.logs.get(conversation) else {
            verdict.case(Some(format!("{reader} read {conversation}, which is not there")));
            continue;
        };
        let all = if shown.by_stream { &log.by_stream } else { &log.by_pages };
        let fell = first_fall(shown.saw.iter());
        verdict.case(fell.map(|id| format!("{reader} saw {id} after what follows it")));
        let mut times: HashMap<&str, usize> = HashMap::new();
        for seen in &shown.saw {
            *times.entry(&seen.id).or_default() += 1;
        }
        for seen in all {
            let wrong = match times.remove(seen.id.as_str()) {
                Some(1) => None,
                Some(times) => Some(format!("{reader} saw {} {times} times", seen.id)),
                None => Some(format!("{reader} never saw {}", seen.id)),
            };
            verdict.case(wrong);
        }
        for id in times.keys().collect::<BTreeSet<_>>() {
            verdict.case(Some(format!("{reader} saw {id}, which is not there")));
        }
    }
    verdict
}

fn z6_delivered_or_dead(evidence: &Evidence) -> Verdict {
    let mut verdict =
        Verdict::of("Z6", "each post reached the bot under one delivery id, or is dead");
    let mut under: HashMap<&str, BTreeSet<&str>> = HashMap::new();
    let mut carried: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (delivery, seen) in &evidence.delivered {
        under.entry(&seen.id).or_default().insert(delivery);
        carried.entry(delivery).or_default().insert(&seen.id);
    }
    let dead: HashSet<&str> = evidence.dead.iter().filter_map(|(_, id)| id.as_deref()).collect();
    let posts = evidence.logs.values().flat_map(|log| &log.by_pages);
    for seen in posts.filter(|seen| seen.key.is_some()) {
        let wrong = match under.get(seen.id.as_str()) {
            None if dead.contains(seen.id.as_str()) => None,
            None => Some(format!("{} never reached the bot, and is no dead letter", seen.id)),
            Some(ids) if ids.contains("") => {
                Some(format!("{} came without a delivery id", seen.id))
            }
            Some(ids) if ids.len() > 1 => Some(format!("{} came under {ids:?}", seen.id)),
            Some(_) => None,
        };
        verdict.case(wrong);
    }
    for (delivery, activities) in carried.iter().filter(|(_, activities)| activities.len() > 1) {
        verdict.case(Some(format!("the delivery {delivery} carried {activities:?}")));
    }
    verdict
}

fn z7_nothing_unsent(evidence: &Evidence) -> Verdict {
    let mut verdict = Verdict::of("Z7", "nothing appears that nobody sent");
    for log in evidence.logs.values() {
        let mut answers: HashMap<&str, usize> = HashMap::new();
        for seen in &log.by_stream {
            verdict.case(unsent(evidence, seen));
            if let Some(reply_to) = seen.reply_to.as_deref().filter(|_| seen.key.is_none()) {
                *answers.entry(reply_to).or_default() += 1;
            }
        }
        for seen in &log.by_pages {
            let typed = seen.is_typing().then(|| format!("{}: a page shows typing", seen.id));
            verdict.case(typed.or_else(|| unsent(evidence, seen)));
        }
        for (reply_to, count) in answers.into_iter().collect::<BTreeMap<_, _>>() {
            let made = evidence.answers.get(reply_to).map_or(0, |answers| answers.made.len());
            let wrong = format!("{reply_to} was answered {made} times and has {count} answers");
            verdict.case((count > made).then_some(wrong));
        }
    }
    for (_, seen) in evidence.delivered.iter().filter(|(_, seen)| seen.key.is_some()) {
        verdict.case(unsent(evidence, seen));
    }
    verdict
}

/// What is wrong if nobody sent this, or not in this conversation.
fn unsent(evidence: &Evidence, seen: &Seen) -> Option<String> {
    let conversation = seen.id.rsplit_once('|').map(|(conversation, _)| conversation);
    let sent = match (&seen.key, &seen.reply_to) {
        (Some(key), _) => {
            let post = evidence.posts.get(key);
            post.is_some_and(|post| Some(post.conversation.as_str()) == conversation)
        }
        (None, Some(reply_to)) => {
            let within = reply_to.rsplit_once('|').map(|(conversation, _)| conversation);
            within == conversation && evidence.answers.contains_key(reply_to)
        }
        (None, None) => false,
    };
    (!sent).then(|| format!("{} ({}) was sent by nobody", seen.id, seen.kind))
}

fn z8_bytes_are_equal(evidence: &Evidence) -> Verdict {
    let mut verdict = Verdict::of("Z8", "what was sent comes out byte for byte");
    let everywhere = everything_shown(evidence).chain(evidence.delivered.iter().map(|(_, s)| s));
    for seen in everywhere {
        let same = match (&seen.key, &seen.reply_to) {
            (Some(key), _) => evidence.posts.get(key).map(|post| post.digest == seen.digest),
            (None, Some(reply_to)) => {
                let answers = evidence.answers.get(reply_to);
                answers.map(|answers| answers.made.contains(&seen.digest))
            }
            (None, None) => None,
        };
        // Whatever nobody sent is for Z7.
        if let Some(same) = same {
            verdict.case((!same).then(|| format!("{} came out changed", seen.id)));
        }
    }
    verdict
}

#[cfg(test)]
mod tests;
