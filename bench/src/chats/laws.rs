//! What must hold of chats, whatever was done to the server, the network or the clock.

use std::collections::HashMap;

use super::book::{Book, CUSTOMER, Saying, Shown};
use crate::ledger::Verdict;

/// Judges all chats by every law. `calm` is of those whose call nothing may befall.
pub fn judge(books: &HashMap<String, Book>, calm: impl Fn(&str) -> bool) -> Vec<Verdict> {
    let mut chats: Vec<(&String, &Book)> = books.iter().collect();
    chats.sort_unstable_by_key(|(chat, _)| *chat);
    vec![
        c1_confirmed_is_there_once(&chats),
        c2_places_are_dense(&chats),
        c3_live_is_what_is_kept(&chats),
        c4_one_order(&chats),
        c5_nothing_unsent(&chats),
        c6_the_call_stands(&chats, calm),
    ]
}

type Chats<'a> = [(&'a String, &'a Book)];

/// The messages of a list, in order.
fn messages(shown: &[Shown]) -> impl Iterator<Item = (&str, &Shown)> {
    shown.iter().filter_map(|shown| Some((shown.mid.as_deref()?, shown)))
}

fn c1_confirmed_is_there_once(chats: &Chats<'_>) -> Verdict {
    let mut verdict = Verdict::of("C1", "what was confirmed is there once, on either side");
    for (chat, book) in chats {
        for (viewer, kept) in &book.kept {
            let mut times: HashMap<&str, usize> = HashMap::new();
            for (mid, _) in messages(kept) {
                *times.entry(mid).or_default() += 1;
            }
            for said in book.said.iter().filter(|said| said.confirmed) {
                let found = times.get(said.mid.as_str()).copied().unwrap_or(0);
                let wrong = format!("{chat}: {viewer} finds {} {found} times", said.mid);
                verdict.case((found != 1).then_some(wrong));
            }
        }
        if !book.kept.contains_key(CUSTOMER) {
            verdict.case(Some(format!("{chat}: its customer found nothing in the end")));
        }
    }
    verdict
}

/// A customer's places have no gap, an agent's rise; neither comes twice.
fn c2_places_are_dense(chats: &Chats<'_>) -> Verdict {
    let mut verdict =
        Verdict::of("C2", "places are dense for customers, rise for agents, come once");
    for (chat, book) in chats {
        for (viewer, shown) in book.live.iter().chain(&book.kept) {
            let mut last = None;
            for shown in shown {
                let (from, place) = (shown.from, shown.place);
                let follows = match (viewer == CUSTOMER, last) {
                    (true, last) => from == last.unwrap_or(0) + 1 && place >= from,
                    (false, last) => last.is_none_or(|last| place > last),
                };
                let wrong = format!("{chat}: {viewer} was shown {from}..={place} after {last:?}");
                verdict.case((!follows).then_some(wrong));
                last = Some(place);
            }
        }
    }
    verdict
}

fn c3_live_is_what_is_kept(chats: &Chats<'_>) -> Verdict {
    let mut verdict = Verdict::of("C3", "what came over broken links is what is kept");
    for (chat, book) in chats {
        for (viewer, kept) in &book.kept {
            let Some(live) = book.live.get(viewer) else {
                verdict.case(Some(format!("{chat}: {viewer} was shown nothing")));
                continue;
            };
            // Who was given the chat later was shown its last entries.
            let first = live.first().map_or(0, |shown| shown.place);
            let kept: Vec<&Shown> = kept.iter().filter(|shown| shown.place >= first).collect();
            let same = live.iter().eq(kept.iter().copied());
            let at = live.iter().zip(&kept).position(|(live, kept)| live != *kept);
            let (came, are) = (live.len(), kept.len());
            let wrong = format!("{chat}: {viewer} was shown {came} of {are}; first other: {at:?}");
            verdict.case((!same).then_some(wrong));
        }
    }
    verdict
}

/// Both sides see the same messages at the same places, and each sender's as they were said.
fn c4_one_order(chats: &Chats<'_>) -> Verdict {
    let mut verdict = Verdict::of("C4", "one order for both sides, and each one's own within it");
    for (chat, book) in chats {
        let Some(customers) = book.kept.get(CUSTOMER) else { continue };
        let of = |shown: &'_ [Shown]| -> Vec<(String, Option<u64>)> {
            messages(shown).map(|(mid, shown)| (mid.to_owned(), shown.s)).collect()
        };
        let order = of(customers);
        for (viewer, kept) in book.kept.iter().filter(|(viewer, _)| *viewer != CUSTOMER) {
            let wrong = format!("{chat}: {viewer} and the customer find different orders");
            verdict.case((of(kept) != order).then_some(wrong));
        }
        let mut speakers: Vec<&str> = book.said.iter().map(|said| said.by.as_str()).collect();
        speakers.sort_unstable();
        speakers.dedup();
        for by in speakers {
            let own = |said: &&Saying| said.by == by;
            let said: Vec<&str> =
                book.said.iter().filter(own).map(|said| said.mid.as_str()).collect();
            let found: Vec<&str> = order
                .iter()
                .map(|(mid, _)| mid.as_str())
                .filter(|mid| said.contains(mid))
                .collect();
            let in_order = found.iter().eq(said.iter().filter(|mid| found.contains(mid)));
            verdict.case((!in_order).then(|| format!("{chat}: what {by} said is out of order")));
        }
    }
    verdict
}

fn c5_nothing_unsent(chats: &Chats<'_>) -> Verdict {
    let mut verdict = Verdict::of("C5", "nothing appears that nobody said, or otherwise");
    for (chat, book) in chats {
        for (viewer, shown) in book.live.iter().chain(&book.kept) {
            for (mid, shown) in messages(shown) {
                let said = book.said.iter().find(|said| said.mid == mid);
                let same = said.is_some_and(|said| Some(&said.text) == shown.text.as_ref());
                verdict.case((!same).then(|| format!("{chat}: {viewer} was shown {mid} changed")));
            }
        }
    }
    verdict
}

fn c6_the_call_stands(chats: &Chats<'_>, calm: impl Fn(&str) -> bool) -> Verdict {
    let mut verdict = Verdict::of("C6", "the call stands, with the agent who has it");
    for (chat, book) in chats.iter().filter(|(chat, _)| calm(chat)) {
        let wrong = format!("{chat}: {}", book.turns.join(", "));
        verdict.case((!book.turns.is_empty()).then_some(wrong));
        // Who still waits has no agent.
        if let Some(agent) = &book.agent {
            let has = book.kept.contains_key(agent);
            verdict.case((!has).then(|| format!("{chat}: {agent} does not have it in the end")));
        }
    }
    verdict
}

#[cfg(test)]
mod tests;
