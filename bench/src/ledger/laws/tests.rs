//! Each law is shown a run that keeps it, and that run with one thing wrong.

use super::*;

fn seen(place: u64, kind: &str, digest: &str, key: Option<&str>, reply_to: Option<u64>) -> Seen {
    Seen {
        id: id(place),
        kind: kind.to_owned(),
        digest: digest.to_owned(),
        key: key.map(str::to_owned),
        reply_to: reply_to.map(id),
    }
}

fn id(place: u64) -> String {
    format!("c|{place:07}")
}

/// Two posts, the bot's typing and two answers; a reader of each kind; all as promised.
fn good() -> Evidence {
    let all = [
        seen(0, "message", "p0", Some("k0"), None),
        seen(1, "typing", "t", None, Some(0)),
        seen(2, "message", "a0", None, Some(0)),
        seen(3, "message", "p1", Some("k1"), None),
        seen(4, "message", "a1", None, Some(3)),
    ];
    let by_pages: Vec<Seen> = all.iter().filter(|seen| !seen.is_typing()).cloned().collect();
    let by_stream = all.to_vec();
    let mut evidence = Evidence::default();
    for (key, place) in [("k0", 0), ("k1", 3)] {
        let digest = all[place].digest.clone();
        evidence.hear(Fact::Sends { conversation: "c".into(), key: key.into(), digest });
        evidence.hear(Fact::Acked { key: key.into(), id: id(place as u64), tries: 1 });
        let delivery = format!("d{place}");
        evidence.hear(Fact::Delivered { delivery, seen: all[place].clone() });
    }
    for answer in all.iter().filter(|seen| seen.key.is_none()) {
        let (reply_to, digest) = (answer.reply_to.clone().unwrap(), answer.digest.clone());
        evidence.hear(Fact::Answers { reply_to: reply_to.clone(), digest: digest.clone() });
        let typing = answer.is_typing();
        evidence.hear(Fact::Answered { id: answer.id.clone(), reply_to, digest, typing });
    }
    for (reader, saw) in [("stream-1", &by_stream), ("poll-1", &by_pages)] {
        let by_stream = reader == "stream-1";
        let (reader, conversation) = (reader.to_owned(), "c".to_owned());
        evidence.readers.push(Shown { reader, conversation, by_stream, saw: saw.clone() });
    }
    evidence.logs.insert("c".to_owned(), Log { by_pages, by_stream });
    evidence
}

/// The laws that are broken.
fn broken(evidence: &Evidence) -> Vec<&'static str> {
    judge(evidence).iter().filter(|verdict| !verdict.is_kept()).map(|v| v.law).collect()
}

fn with(change: impl FnOnce(&mut Evidence)) -> Vec<&'static str> {
    let mut evidence = good();
    change(&mut evidence);
    broken(&evidence)
}

fn log(evidence: &mut Evidence) -> &mut Log {
    evidence.logs.get_mut("c").unwrap()
}

#[test]
fn a_good_run_breaks_no_law_and_an_empty_one_proves_none() {
    assert_eq!(broken(&good()), [""; 0]);
    assert_eq!(broken(&Evidence::default()).len(), 8);
}

#[test]
fn z1_knows_a_lost_post_a_lost_answer_and_a_refusal() {
    let lost = with(|e| {
        log(e).by_pages.retain(|seen| seen.id != id(3));
        log(e).by_stream.retain(|seen| seen.id != id(3));
    });
    assert!(lost.contains(&"Z1"), "{lost:?}");
    let lost = with(|e| log(e).by_stream.retain(|seen| !seen.is_typing()));
    assert!(lost.contains(&"Z1"), "{lost:?}");
    let cause = "answered 403".to_owned();
    assert_eq!(with(|e| e.hear(Fact::Refused { key: "k0".into(), cause })), ["Z1"]);
}

#[test]
fn z2_knows_a_post_that_was_kept_twice() {
    let twice = seen(5, "message", "p1", Some("k1"), None);
    let broken = with(|e| {
        for shown in &mut e.readers {
            shown.saw.push(twice.clone());
        }
        log(e).by_pages.push(twice.clone());
        log(e).by_stream.push(twice.clone());
        e.hear(Fact::Delivered { delivery: "d5".into(), seen: twice.clone() });
    });
    assert_eq!(broken, ["Z2"]);
}

#[test]
fn z3_knows_a_gap_and_a_place_given_twice() {
    let gap = with(|e| {
        log(e).by_stream.retain(|seen| !seen.is_typing());
        e.readers[0].saw.retain(|seen| !seen.is_typing());
        e.answered.retain(|answered| !answered.typing);
    });
    assert_eq!(gap, ["Z3"]);
    let reused = with(|e| e.readers[0].saw[1].digest = "p1".into());
    assert!(reused.contains(&"Z3"), "{reused:?}");
}

#[test]
fn z4_knows_another_order_among_pages_streams_and_deliveries() {
    assert_eq!(with(|e| log(e).by_stream.swap(0, 2)), ["Z4"]);
    assert_eq!(with(|e| e.delivered.swap(0, 1)), ["Z4"]);
}

#[test]
fn z5_knows_a_reader_that_missed_or_saw_again() {
    assert_eq!(with(|e| drop(e.readers[1].saw.remove(1))), ["Z5"]);
    let again = seen(2, "message", "a0", None, Some(0));
    assert_eq!(with(|e| e.readers[0].saw.push(again)), ["Z5"]);
}

#[test]
fn a_reader_that_saw_nothing_is_held_against_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, seen: &[Seen]| {
        let mut book = crate::ledger::record::Book::create(folder.path(), name).unwrap();
        for seen in seen {
            book.write(&Fact::Saw(seen.clone()), true).unwrap();
        }
    };
    let all = good().logs.remove("c").unwrap().by_pages;
    write("log-pages-0007", &all);
    write("log-stream-0007", &all);
    write("poll-0007", &[]);
    // Another node's pages, read back.
    write("poll-0007-node-2", &all[1..]);
    let evidence = Evidence::load(folder.path()).unwrap();
    assert_eq!(z5_readers_saw_each_once(&evidence).broken, all.len() + 1);
}

#[test]
fn z6_knows_a_post_that_the_bot_never_got_and_an_unstable_id() {
    assert_eq!(with(|e| drop(e.delivered.remove(1))), ["Z6"]);
    let dead = with(|e| {
        e.delivered.remove(1);
        e.dead.push(("d3".to_owned(), Some(id(3))));
    });
    assert_eq!(dead, [""; 0], "a dead letter accounts for it");
    let again = ("other".to_owned(), seen(3, "message", "p1", Some("k1"), None));
    assert_eq!(with(|e| e.delivered.push(again)), ["Z6"]);
    assert_eq!(with(|e| e.delivered[0].0.clear()), ["Z6"]);
    assert_eq!(with(|e| e.delivered[1].0 = "d0".into()), ["Z6"]);
}

#[test]
fn z7_knows_what_nobody_sent() {
    let ghost = |seen: Seen| {
        with(|e| {
            e.readers.clear();
            e.readers = good().readers;
            for shown in &mut e.readers {
                shown.saw.push(seen.clone());
            }
            log(e).by_pages.push(seen.clone());
            log(e).by_stream.push(seen.clone());
        })
    };
    assert_eq!(ghost(seen(5, "message", "g", None, None)), ["Z7"]);
    assert_eq!(ghost(seen(5, "message", "a1", None, Some(3))), ["Z7"], "an answer more than made");
    assert!(ghost(seen(5, "message", "g", Some("w9"), None)).contains(&"Z7"));
}

#[test]
fn z8_knows_a_changed_byte_wherever_it_shows() {
    assert!(with(|e| log(e).by_pages[0].digest = "x".into()).contains(&"Z8"));
    assert_eq!(with(|e| e.delivered[0].1.digest = "x".into()), ["Z8"]);
}
