//! Conversations, their entries and members.

use maru_activity::{BotId, ChannelId, CommitId, ConversationId, Pos, RealmId, Seq, Viewer};
use maru_store::{Conversation, Entry, Member, Page, Place, Receipt, Summary};
use rusqlite::{Connection, OptionalExtension, params};

use super::{one_more, page};
use crate::heads::{self, KNOWN, Known};
use crate::rows::{self, ENTRY, int};

/// Entries from a place on, as a viewer sees them. `known` bounds where a pos can be; it may be
/// older than the snapshot.
pub(crate) fn read(
    conn: &Connection,
    known: &Known,
    viewer: Viewer,
    from: Place,
    limit: usize,
) -> rusqlite::Result<Vec<Entry>> {
    let from = match from {
        Place::Seq(seq) => Some(seq),
        Place::Pos(pos) => seq_of(conn, known, pos)?,
    };
    let Some(from) = from else { return Ok(Vec::new()) };
    // As `Viewer::sees` decides it; the contract suite holds the two together.
    let hidden = match viewer {
        Viewer::Customer => 1,
        Viewer::Agent => 2,
        Viewer::Operator => -1,
    };
    // Built once a viewer: the text is the same each time and the statement is cached by it.
    let mut find = conn.prepare_cached(&format!(
        "{ENTRY} WHERE conv = ?1 AND seq >= ?2 AND audience <> ?3 ORDER BY seq LIMIT ?4"
    ))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    find.query_map(params![known.conv, int(from), hidden, limit], rows::entry)?.collect()
}

/// The entry at a place.
pub(crate) fn entry(
    conn: &Connection,
    known: &Known,
    at: Place,
) -> rusqlite::Result<Option<Entry>> {
    let seq = match at {
        Place::Seq(seq) => Some(seq),
        Place::Pos(pos) => seq_of(conn, known, pos)?,
    };
    let Some(seq) = seq else { return Ok(None) };
    let mut find = conn.prepare_cached(&format!("{ENTRY} WHERE conv = ?1 AND seq = ?2"))?;
    let entry = find.query_row(params![known.conv, int(seq)], rows::entry).optional()?;
    Ok(entry.filter(|entry| match at {
        Place::Seq(_) => true,
        Place::Pos(pos) => entry.pos == Some(pos),
    }))
}

/// The seq of the first entry whose pos is `pos` or more.
///
/// The column `pos` counts the visible entries before each, so it rises with seq, and is behind it
/// by the number of hidden ones. The head tells how many of those there are: none, and pos is seq;
/// else they bound a binary search. Whoever reads near the end has all of them behind.
fn seq_of(conn: &Connection, known: &Known, pos: Pos) -> rusqlite::Result<Option<Seq>> {
    let head = &known.head;
    if pos >= head.next_pos {
        return Ok(None);
    }
    let hidden = head.next_seq - head.next_pos;
    if hidden == 0 {
        return Ok(Some(pos));
    }
    let mut probe = conn.prepare_cached(
        "SELECT seq, pos, audience FROM log WHERE conv = ?1 AND seq >= ?2 ORDER BY seq LIMIT 1",
    )?;
    let mut probe = |seq: Seq| {
        let row = probe.query_row(params![known.conv, int(seq)], |row| {
            Ok((rows::uint(row, "seq")?, rows::uint(row, "pos")?, rows::audience(row)?.has_pos()))
        });
        row.optional()
    };
    let (mut low, mut high) = (pos, pos + hidden);
    if probe(high)? == Some((high, pos, true)) {
        return Ok(Some(high));
    }
    // The first seq from which on the column is `pos` or more.
    while low < high {
        let middle = low + (high - low) / 2;
        match probe(middle)? {
            Some((seq, before, _)) if before < pos => low = seq + 1,
            _ => high = middle,
        }
    }
    let mut visible = conn.prepare_cached(
        "SELECT seq FROM log WHERE conv = ?1 AND seq >= ?2 AND audience <> 1 \
         ORDER BY seq LIMIT 1",
    )?;
    visible.query_row(params![known.conv, int(low)], |row| rows::uint(row, "seq")).optional()
}

/// Who takes part, in the order they came.
pub(crate) fn members(conn: &Connection, conv: i64) -> rusqlite::Result<Vec<Member>> {
    let mut find = conn.prepare_cached(
        "SELECT role, external, name, spelled, verified, person FROM members WHERE conv = ?1 \
         ORDER BY id",
    )?;
    find.query_map([conv], rows::member)?.collect()
}

/// The realm's conversations, newest first.
pub(crate) fn conversations(
    conn: &Connection,
    realm: &RealmId,
    bot: Option<&BotId>,
    before: i64,
    limit: usize,
) -> rusqlite::Result<Page<Summary>> {
    let more = one_more(limit);
    let known: Vec<Known> = match bot {
        None => {
            let mut find = conn.prepare_cached(&format!(
                "{KNOWN} WHERE c.realm = ?1 AND c.id < ?2 ORDER BY c.id DESC LIMIT ?3"
            ))?;
            find.query_map(params![realm.as_str(), before, more], heads::known)?
                .collect::<Result<_, _>>()?
        }
        Some(bot) => {
            let mut find = conn.prepare_cached(&format!(
                "{KNOWN} WHERE c.realm = ?1 AND c.bot = ?4 AND c.id < ?2 \
                 ORDER BY c.id DESC LIMIT ?3"
            ))?;
            find.query_map(params![realm.as_str(), before, more, bot.as_str()], heads::known)?
                .collect::<Result<_, _>>()?
        }
    };
    let page = page(known, limit, |known| known.conv.to_string());
    let summary =
        |known: Known| Summary { conversation: (*known.record).clone(), head: known.head };
    Ok(Page { items: page.items.into_iter().map(summary).collect(), next: page.next })
}

/// The conversations of a user, newest first.
pub(crate) fn conversations_of(
    conn: &Connection,
    realm: &RealmId,
    channel: &ChannelId,
    external: &str,
    limit: usize,
) -> rusqlite::Result<Vec<Conversation>> {
    let mut find = conn.prepare_cached(
        "SELECT c.public, c.realm, c.channel, c.channel_kind, c.bot, c.opened_at \
         FROM members m JOIN conversations c ON c.id = m.conv \
         WHERE m.realm = ?1 AND m.channel = ?2 AND m.external = ?3 AND m.role = 0 \
         ORDER BY c.id DESC LIMIT ?4",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    find.query_map(params![realm.as_str(), channel.as_str(), external, limit], rows::conversation)?
        .collect()
}

/// What became of a commit.
pub(crate) fn outcome(
    conn: &Connection,
    realm: &RealmId,
    commit: CommitId,
) -> rusqlite::Result<Option<Receipt>> {
    let mut find = conn.prepare_cached(
        "SELECT k.realm, k.at, k.seq, k.pos, k.count, k.hidden, c.public \
         FROM commits k LEFT JOIN conversations c ON c.id = k.conv \
         WHERE k.id = ?1 AND coalesce(c.realm, k.realm) = ?2",
    )?;
    let found = find
        .query_row(params![commit.0.as_bytes(), realm.as_str()], |row| {
            Ok((rows::places(row)?, row.get::<_, Option<String>>("public")?))
        })
        .optional()?;
    let Some((places, public)) = found else { return Ok(None) };
    let mut receipt = Receipt {
        entries: places.placed(),
        repeated: false,
        differs: false,
        deliveries: Vec::new(),
        behind: false,
        leased: true,
        next: None,
        route: maru_store::Route::Nobody,
        route_epoch: 0,
    };
    let known = match public {
        Some(public) => heads::load(conn, &ConversationId::from(public))?,
        None => None,
    };
    if let Some(known) = known {
        receipt.deliveries = super::outbox::of_entries(conn, known.conv, &places)?;
        receipt.next = super::outbox::oldest_open(conn, known.conv)?;
        receipt.behind = !receipt.deliveries.is_empty()
            && receipt.next.as_ref().is_some_and(|oldest| oldest.seq < places.seq);
        receipt.route = known.head.route;
        receipt.route_epoch = known.head.route_epoch;
    }
    Ok(Some(receipt))
}
