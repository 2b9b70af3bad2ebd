//! Conversations, their entries and members.

use std::collections::HashMap;

use maru_activity::{BotId, ChannelId, CommitId, ConversationId, RealmId, Seq, Viewer};
use maru_store::{Conversation, Entry, Head, Member, Page, Place, Receipt, Route, Summary};
use uuid::Uuid;

use super::{one_more, outbox, page};
use crate::db::{Lent, Values};
use crate::fault::Fault;
use crate::rows::{
    self, Known, each, entry_columns, int, known_columns, maybe_text, rows_max, text, uint,
};
use crate::text::Text;

const CONVERSATION: &str =
    concat!("SELECT ", known_columns!(), " FROM conversations c WHERE c.realm = $1 AND c.id = $2");
const HEADS: &str = "SELECT c.realm, c.id, c.next_seq \
     FROM unnest($1::text[], $2::text[]) AS u (realm, id) \
     JOIN conversations c ON c.realm = u.realm AND c.id = u.id";
const FROM_SEQ: &str = concat!(
    "SELECT ",
    entry_columns!(),
    " FROM entries WHERE realm = $1 AND conversation = $2 AND seq >= $3 AND audience <> $4 \
     ORDER BY seq LIMIT $5"
);
/// Finds the first visible entry whose pos is `$3` or more, and reads from there.
///
/// The column `pos` counts the visible entries before each, so it rises with seq, and is behind it by
/// the number of hidden ones. The head tells how many of those there are: none, and pos is seq; else
/// they bound a binary search for the first seq behind which more than `$3` visible ones lie. It
/// begins where all hidden ones are before the place, as they are for whoever reads near the end.
const FROM_POS: &str = concat!(
    "WITH RECURSIVE search (low, high, middle) AS ( \
     SELECT $3::int8, $3::int8 + h.next_seq - h.next_pos, $3::int8 + h.next_seq - h.next_pos - 1 \
     FROM conversations h WHERE h.realm = $1 AND h.id = $2 AND h.next_pos > $3 \
     UNION ALL \
     SELECT n.low, n.high, (n.low + n.high) / 2 FROM (SELECT \
     CASE WHEN p.seq IS NOT NULL AND p.behind <= $3 THEN p.seq + 1 ELSE s.low END AS low, \
     CASE WHEN p.seq IS NOT NULL AND p.behind <= $3 THEN s.high ELSE s.middle END AS high \
     FROM search s LEFT JOIN LATERAL (SELECT e.seq, \
     e.pos + CASE WHEN e.audience = 1 THEN 0 ELSE 1 END AS behind FROM entries e \
     WHERE e.realm = $1 AND e.conversation = $2 AND e.seq >= s.middle ORDER BY e.seq LIMIT 1) p \
     ON true WHERE s.low < s.high) n \
     ), first (seq) AS (SELECT v.seq FROM search s CROSS JOIN LATERAL ( \
     SELECT e.seq FROM entries e WHERE e.realm = $1 AND e.conversation = $2 AND e.seq >= s.low \
     AND e.audience <> 1 ORDER BY e.seq LIMIT 1) v WHERE s.low >= s.high) \
     SELECT ",
    entry_columns!(),
    " FROM entries WHERE realm = $1 AND conversation = $2 AND seq >= (SELECT min(seq) FROM first) \
     AND audience <> $4 ORDER BY seq LIMIT $5"
);
const MEMBERS: &str = "SELECT role, external, name, spelled, verified, person FROM members \
     WHERE realm = $1 AND conversation = $2 ORDER BY number";
const LISTED: &str = concat!(
    "SELECT ",
    known_columns!(),
    " FROM conversations c WHERE c.realm = $1 AND (c.opened_at, c.id) < ($2, $3) \
     ORDER BY c.opened_at DESC, c.id DESC LIMIT $4"
);
const LISTED_OF_BOT: &str = concat!(
    "SELECT ",
    known_columns!(),
    " FROM conversations c WHERE c.realm = $1 AND (c.opened_at, c.id) < ($2, $3) AND c.bot = $5 \
     ORDER BY c.opened_at DESC, c.id DESC LIMIT $4"
);
const OF_USER: &str = concat!(
    "SELECT ",
    known_columns!(),
    " FROM members m JOIN conversations c ON c.realm = m.realm AND c.id = m.conversation \
     WHERE m.realm = $1 AND m.channel = $2 AND m.external = $3 AND m.role = 0 \
     ORDER BY m.opened_at DESC, m.conversation DESC LIMIT $4"
);
const OUTCOME: &str = "SELECT realm, conversation, at, seq, pos, count, hidden FROM commits \
     WHERE id = $1 AND realm = $2";

/// A conversation.
pub(crate) async fn known(
    lent: &Lent,
    realm: &RealmId,
    id: &ConversationId,
) -> Result<Option<Known>, Fault> {
    let row = lent.row(CONVERSATION, &[&Text(realm.as_str()), &Text(id.as_str())]).await?;
    row.as_ref().map(rows::known).transpose()
}

/// Where a conversation stands.
pub(crate) async fn head(
    lent: &Lent,
    realm: &RealmId,
    id: &ConversationId,
) -> Result<Option<Head>, Fault> {
    Ok(known(lent, realm, id).await?.map(|known| known.head))
}

/// The next seq of each, in the order of asking.
pub(crate) async fn heads(
    lent: &Lent,
    asked: &[(RealmId, ConversationId)],
) -> Result<Vec<Option<Seq>>, Fault> {
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let (realms, ids): (Vec<_>, Vec<_>) =
        asked.iter().map(|(realm, id)| (Text(realm.as_str()), Text(id.as_str()))).unzip();
    let found = lent.query(HEADS, &[&realms, &ids]).await?;
    let mut heads = HashMap::with_capacity(found.len());
    for row in &found {
        let key = (RealmId::from(text(row, "realm")?), ConversationId::from(text(row, "id")?));
        heads.insert(key, uint(row, "next_seq")?);
    }
    Ok(asked.iter().map(|key| heads.get(key).copied()).collect())
}

/// Entries from a place on, as a viewer sees them.
pub(crate) async fn read(
    lent: &Lent,
    realm: &RealmId,
    id: &ConversationId,
    viewer: Viewer,
    from: Place,
    limit: usize,
) -> Result<Vec<Entry>, Fault> {
    // As `Viewer::sees` decides it; the contract suite holds the two together.
    let hidden: i16 = match viewer {
        Viewer::Customer => 1,
        Viewer::Agent => 2,
        Viewer::Operator => -1,
    };
    let (sql, from) = match from {
        Place::Seq(seq) => (FROM_SEQ, int(seq)),
        Place::Pos(pos) => (FROM_POS, int(pos)),
    };
    let (realm, id) = (Text(realm.as_str()), Text(id.as_str()));
    each(&lent.query(sql, &[&realm, &id, &from, &hidden, &rows_max(limit)]).await?, rows::entry)
}

/// The entry at a place.
pub(crate) async fn entry(
    lent: &Lent,
    realm: &RealmId,
    id: &ConversationId,
    at: Place,
) -> Result<Option<Entry>, Fault> {
    let found = read(lent, realm, id, Viewer::Operator, at, 1).await?.into_iter().next();
    Ok(found.filter(|entry| match at {
        Place::Seq(seq) => entry.seq == seq,
        Place::Pos(pos) => entry.pos == Some(pos),
    }))
}

/// Who takes part, in the order they came.
pub(crate) async fn members(
    lent: &Lent,
    realm: &RealmId,
    id: &ConversationId,
) -> Result<Vec<Member>, Fault> {
    let found = lent.query(MEMBERS, &[&Text(realm.as_str()), &Text(id.as_str())]).await?;
    each(&found, rows::member)
}

/// The realm's conversations, newest first, from before a time and an id.
pub(crate) async fn conversations(
    lent: &Lent,
    realm: &RealmId,
    bot: Option<&BotId>,
    (before, before_id): (i64, &str),
    limit: usize,
) -> Result<Page<Summary>, Fault> {
    let (realm, before_id, more) = (Text(realm.as_str()), Text(before_id), one_more(limit));
    let found = match bot {
        None => lent.query(LISTED, &[&realm, &before, &before_id, &more]).await?,
        Some(bot) => {
            let bot = Text(bot.as_str());
            lent.query(LISTED_OF_BOT, &[&realm, &before, &before_id, &more, &bot]).await?
        }
    };
    let summary = |known: Known| Summary { conversation: known.record, head: known.head };
    let found = each(&found, rows::known)?.into_iter().map(summary).collect();
    Ok(page(found, limit, |summary: &Summary| {
        let record = &summary.conversation;
        rows::cursor(record.opened_at.as_micros(), 0, record.id.as_str())
    }))
}

/// The conversations of a user, newest first.
pub(crate) async fn conversations_of(
    lent: &Lent,
    realm: &RealmId,
    channel: &ChannelId,
    external: &str,
    limit: usize,
) -> Result<Vec<Conversation>, Fault> {
    let (realm, channel) = (Text(realm.as_str()), Text(channel.as_str()));
    let values: Values<'_> = &[&realm, &channel, &Text(external), &rows_max(limit)];
    each(&lent.query(OF_USER, values).await?, rows::conversation)
}

/// What became of a commit. `node` is this process, if it hands deliveries over.
pub(crate) async fn outcome(
    lent: &Lent,
    realm: &RealmId,
    commit: CommitId,
    node: Option<Uuid>,
) -> Result<Option<Receipt>, Fault> {
    let row = lent.row(OUTCOME, &[&commit.0, &Text(realm.as_str())]).await?;
    let Some(row) = row else { return Ok(None) };
    let places = rows::places(&row)?;
    let mut receipt = Receipt {
        entries: places.placed(),
        repeated: false,
        differs: false,
        deliveries: Vec::new(),
        behind: false,
        leased: node.is_some(),
        next: None,
        route: Route::Nobody,
        route_epoch: 0,
    };
    let Some(id) = maybe_text(&row, "conversation")?.map(ConversationId::from) else {
        return Ok(Some(receipt));
    };
    let Some(known) = known(lent, realm, &id).await? else { return Ok(Some(receipt)) };
    receipt.deliveries = outbox::of_entries(lent, realm, &id, &places).await?;
    receipt.next = outbox::oldest_open(lent, realm, &id).await?;
    receipt.behind = !receipt.deliveries.is_empty()
        && receipt.next.as_ref().is_some_and(|oldest| oldest.seq < places.seq);
    receipt.leased = node.is_some() && known.lease_owner == node;
    receipt.route = known.head.route;
    receipt.route_epoch = known.head.route_epoch;
    Ok(Some(receipt))
}
