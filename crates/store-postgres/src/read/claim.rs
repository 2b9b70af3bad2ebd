//! Finding what is due, and taking it over.

use maru_activity::Timestamp;
use maru_store::{Delivery, DueBots};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::db::Lent;
use crate::fault::Fault;
use crate::rows::{self, delivery_columns, each, get, rows_max};
use crate::session::now;
use crate::text::Text;

/// A conversation that this process may hand over: it has the lease, or nobody alive has.
macro_rules! free {
    () => {
        concat!(
            "(c.lease_owner = $1 OR c.lease_owner IS NULL OR NOT EXISTS (SELECT 1 FROM nodes n \
             WHERE n.id = c.lease_owner AND n.until > ",
            now!(),
            "))"
        )
    };
}

macro_rules! due {
    ($bots:literal) => {
        concat!(
            "SELECT ",
            delivery_columns!(),
            ", c.lease_owner FROM deliveries d \
             JOIN conversations c ON c.realm = d.realm AND c.id = d.conversation \
             WHERE d.state = 0 AND d.first AND d.due_at <= $2 AND ",
            free!(),
            " AND ",
            $bots,
            " ORDER BY d.due_at LIMIT $3"
        )
    };
}
const DUE_TO: &str = due!("d.realm = $4 AND d.bot = $5");
const DUE_BUT_TO: &str = due!(
    "NOT EXISTS (SELECT 1 FROM unnest($4::text[], $5::text[]) AS x (realm, bot) \
     WHERE x.realm = d.realm AND x.bot = d.bot)"
);
/// In the order in which everyone locks them; whoever is at work on one has it.
const LOCK: &str = concat!(
    "SELECT c.realm, c.id FROM unnest($2::text[], $3::text[]) AS u (realm, id) \
     JOIN conversations c ON c.realm = u.realm AND c.id = u.id WHERE ",
    free!(),
    " ORDER BY c.realm, c.id FOR UPDATE OF c SKIP LOCKED"
);
/// The time was looked at before the rows were locked, so it is looked at again.
const TAKE: &str = concat!(
    "UPDATE conversations AS c SET lease_owner = $1, lease_epoch = c.lease_epoch \
     + CASE WHEN c.lease_owner = $1 THEN 0 ELSE 1 END \
     FROM unnest($2::text[], $3::text[]) AS u (realm, id) \
     WHERE c.realm = u.realm AND c.id = u.id AND ",
    free!(),
    " RETURNING c.realm, c.id"
);
const TAKEN: &str = concat!(
    "SELECT ",
    delivery_columns!(),
    " FROM unnest($1::text[], $2::text[]) AS u (realm, id) \
     JOIN conversations c ON c.realm = u.realm AND c.id = u.id \
     JOIN deliveries d ON d.realm = c.realm AND d.conversation = c.id \
     WHERE d.state = 0 AND d.first AND d.due_at <= $3"
);

/// What is due by a time, those due longest first. How many conversations were taken over is told
/// beside it.
pub(crate) async fn due(
    lent: Lent,
    node: Uuid,
    now: Timestamp,
    bots: &DueBots,
    limit: usize,
) -> Result<(Vec<Delivery>, usize), Fault> {
    let found = find(&lent, node, now, bots, limit).await?;
    let (mut mine, mut free) = (Vec::new(), Vec::new());
    for row in &found {
        let delivery = rows::delivery(row)?;
        match get::<Option<Uuid>>(row, "lease_owner")? {
            Some(owner) if owner == node => mine.push(delivery),
            _ => free.push(delivery),
        }
    }
    if free.is_empty() {
        return Ok((mine, 0));
    }
    let taken = take(lent, node, now, &free).await?;
    // What another process made of them meanwhile, or what came first there meanwhile, may be for
    // a bot that was not asked for.
    let taken = taken.into_iter().filter(|d| free.iter().any(|found| found.id == d.id));
    let before = mine.len();
    mine.extend(taken);
    let count = mine.len() - before;
    mine.sort_by_key(|delivery| delivery.due_at);
    Ok((mine, count))
}

async fn find(
    lent: &Lent,
    node: Uuid,
    now: Timestamp,
    bots: &DueBots,
    limit: usize,
) -> Result<Vec<Row>, Fault> {
    let (now, limit) = (now.as_micros(), rows_max(limit));
    match bots {
        DueBots::Only(realm, bot) => {
            let (realm, bot) = (Text(realm.as_str()), Text(bot.as_str()));
            lent.query(DUE_TO, &[&node, &now, &limit, &realm, &bot]).await
        }
        DueBots::Except(bots) => {
            let (realms, bots): (Vec<_>, Vec<_>) =
                bots.iter().map(|(realm, bot)| (Text(realm.as_str()), Text(bot.as_str()))).unzip();
            lent.query(DUE_BUT_TO, &[&node, &now, &limit, &realms, &bots]).await
        }
    }
}

/// Takes the leases of these deliveries' conversations, as far as they are still to be had, and reads
/// what is due of them now.
async fn take(
    lent: Lent,
    node: Uuid,
    now: Timestamp,
    free: &[Delivery],
) -> Result<Vec<Delivery>, Fault> {
    let (realms, ids): (Vec<_>, Vec<_>) =
        free.iter().map(|d| (Text(d.realm.as_str()), Text(d.conversation.as_str()))).unzip();
    let transaction = lent.begin().await?;
    let locked = Keys::of(&transaction.query(LOCK, &[&node, &realms, &ids]).await?)?;
    let (realms, ids) = locked.columns();
    let taken = Keys::of(&transaction.query(TAKE, &[&node, &realms, &ids]).await?)?;
    let (realms, ids) = taken.columns();
    let deliveries = transaction.query(TAKEN, &[&realms, &ids, &now.as_micros()]).await?;
    transaction.commit().await?;
    each(&deliveries, rows::delivery)
}

/// Conversations.
struct Keys(Vec<(String, String)>);

impl Keys {
    fn of(found: &[Row]) -> Result<Self, Fault> {
        each(found, |row| Ok((rows::text(row, "realm")?, rows::text(row, "id")?))).map(Self)
    }

    fn columns(&self) -> (Vec<Text<'_>>, Vec<Text<'_>>) {
        self.0.iter().map(|(realm, id)| (Text(realm), Text(id))).unzip()
    }
}
