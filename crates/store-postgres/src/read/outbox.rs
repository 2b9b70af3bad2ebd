//! Deliveries and their attempts.

use maru_activity::{ConversationId, DeliveryId, RealmId, Timestamp};
use maru_store::{AttemptRecord, Delivery, DeliveryFilter, DeliveryState, Error, Page, Places};
use uuid::Uuid;

use super::{one_more, page};
use crate::db::Lent;
use crate::fault::Fault;
use crate::rows::{self, delivery_columns, each, get, int, uint};
use crate::text::Text;

const BY_ID: &str = concat!(
    "SELECT ",
    delivery_columns!(),
    " FROM deliveries d JOIN conversations c ON c.realm = d.realm AND c.id = d.conversation \
     WHERE d.id = $1 AND d.realm = $2"
);
const OLDEST_OPEN: &str = concat!(
    "SELECT ",
    delivery_columns!(),
    " FROM deliveries d JOIN conversations c ON c.realm = d.realm AND c.id = d.conversation \
     WHERE d.state = 0 AND d.realm = $1 AND d.conversation = $2 ORDER BY d.seq, d.number LIMIT 1"
);
const OF_ENTRIES: &str = concat!(
    "SELECT ",
    delivery_columns!(),
    " FROM deliveries d JOIN conversations c ON c.realm = d.realm AND c.id = d.conversation \
     WHERE d.realm = $1 AND d.conversation = $2 AND d.seq >= $3 AND d.seq < $4 \
     ORDER BY d.written_at, d.id"
);
const ATTEMPTS: &str = "SELECT a.number, a.at, a.took_ms, a.outcome, a.cause \
     FROM deliveries d JOIN attempts a ON a.realm = d.realm AND a.conversation = d.conversation \
     AND a.delivery = d.id WHERE d.id = $1 AND d.realm = $2 ORDER BY a.made";
const OUTBOX: &str = "SELECT (SELECT count(*) FROM deliveries WHERE state = 0) AS open, \
     (SELECT count(*) FROM deliveries WHERE state = 2) AS dead, \
     (SELECT min(created_at) FROM deliveries WHERE state = 0) AS oldest";
const NEXT_DUE: &str = "SELECT least( \
     (SELECT due_at FROM deliveries WHERE state = 0 AND first ORDER BY due_at LIMIT 1), \
     (SELECT due_at FROM timers ORDER BY due_at LIMIT 1)) AS due_at";

/// Listings, newest first. A conversation and each state have a text of their own, so that their
/// index is found.
macro_rules! listed {
    ($more:literal) => {
        concat!(
            "SELECT ",
            delivery_columns!(),
            " FROM deliveries d JOIN conversations c ON c.realm = d.realm AND c.id = d.conversation \
             WHERE d.realm = $1 AND (d.created_at, d.written_at, d.id) < ($2, $3, $4) \
             AND ($5::text IS NULL OR d.bot = $5) ",
            $more,
            " ORDER BY d.created_at DESC, d.written_at DESC, d.id DESC LIMIT $6"
        )
    };
}
const LISTED: &str = listed!("");
const LISTED_OPEN: &str = listed!("AND d.state = 0");
const LISTED_SETTLED: &str = listed!("AND d.state = 1");
const LISTED_DEAD: &str = listed!("AND d.state = 2");
const LISTED_OF: &str =
    listed!("AND d.conversation = $7 AND ($8::smallint IS NULL OR d.state = $8)");

/// When the next delivery or timer falls due.
pub(crate) async fn next_due(lent: &Lent) -> Result<Option<Timestamp>, Fault> {
    let Some(row) = lent.row(NEXT_DUE, &[]).await? else { return Ok(None) };
    Ok(get::<Option<i64>>(&row, "due_at")?.map(Timestamp::from_micros))
}

/// A delivery.
pub(crate) async fn delivery(
    lent: &Lent,
    realm: &RealmId,
    id: DeliveryId,
) -> Result<Option<Delivery>, Fault> {
    let row = lent.row(BY_ID, &[&id.0, &Text(realm.as_str())]).await?;
    row.as_ref().map(rows::delivery).transpose()
}

/// The conversation's oldest delivery that is open.
pub(crate) async fn oldest_open(
    lent: &Lent,
    realm: &RealmId,
    id: &ConversationId,
) -> Result<Option<Delivery>, Fault> {
    let row = lent.row(OLDEST_OPEN, &[&Text(realm.as_str()), &Text(id.as_str())]).await?;
    row.as_ref().map(rows::delivery).transpose()
}

/// The deliveries that a commit wrote.
pub(crate) async fn of_entries(
    lent: &Lent,
    realm: &RealmId,
    id: &ConversationId,
    places: &Places,
) -> Result<Vec<Delivery>, Fault> {
    let (from, end) = (int(places.seq), int(places.seq + places.count));
    let (realm, id) = (Text(realm.as_str()), Text(id.as_str()));
    each(&lent.query(OF_ENTRIES, &[&realm, &id, &from, &end]).await?, rows::delivery)
}

/// The failed attempts of a delivery, oldest first.
pub(crate) async fn attempts(
    lent: &Lent,
    realm: &RealmId,
    id: DeliveryId,
) -> Result<Vec<AttemptRecord>, Fault> {
    each(&lent.query(ATTEMPTS, &[&id.0, &Text(realm.as_str())]).await?, rows::attempt)
}

/// Where a page of deliveries begins: before this time of making, this time of writing, this id.
pub(crate) fn before(cursor: Option<&str>) -> Result<(i64, i64, Uuid), Error> {
    let Some((created_at, written_at, id)) = rows::after(cursor)? else {
        return Ok((i64::MAX, i64::MAX, Uuid::max()));
    };
    let id = Uuid::try_parse(id).map_err(|_| Error::Unsound("no cursor of this listing"))?;
    Ok((created_at, written_at, id))
}

/// Deliveries, newest first.
pub(crate) async fn deliveries(
    lent: &Lent,
    realm: &RealmId,
    filter: &DeliveryFilter,
    (created_at, written_at, id): (i64, i64, Uuid),
    limit: usize,
) -> Result<Page<Delivery>, Fault> {
    let bot = filter.bot.as_ref().map(|bot| Text(bot.as_str()));
    let (realm, more) = (Text(realm.as_str()), one_more(limit));
    let found = match (&filter.conversation, filter.state) {
        (Some(conversation), state) => {
            let (of, state) = (Text(conversation.as_str()), state.map(rows::state_code));
            lent.query(
                LISTED_OF,
                &[&realm, &created_at, &written_at, &id, &bot, &more, &of, &state],
            )
            .await?
        }
        (None, state) => {
            let sql = match state {
                None => LISTED,
                Some(DeliveryState::Open) => LISTED_OPEN,
                Some(DeliveryState::Settled) => LISTED_SETTLED,
                Some(DeliveryState::Dead) => LISTED_DEAD,
            };
            lent.query(sql, &[&realm, &created_at, &written_at, &id, &bot, &more]).await?
        }
    };
    let item = |row: &tokio_postgres::Row| Ok((get(row, "written_at")?, rows::delivery(row)?));
    let page = page(each(&found, item)?, limit, |(written_at, delivery): &(i64, Delivery)| {
        let id = delivery.id.0.simple().to_string();
        rows::cursor(delivery.created_at.as_micros(), *written_at, &id)
    });
    Ok(Page { items: page.items.into_iter().map(|(_, d)| d).collect(), next: page.next })
}

/// How many are open and how many dead, and since when the oldest open one waits.
pub(crate) async fn outbox(lent: &Lent) -> Result<(u64, u64, Option<Timestamp>), Fault> {
    let Some(row) = lent.row(OUTBOX, &[]).await? else { return Ok((0, 0, None)) };
    let oldest: Option<i64> = get(&row, "oldest")?;
    Ok((uint(&row, "open")?, uint(&row, "dead")?, oldest.map(Timestamp::from_micros)))
}
