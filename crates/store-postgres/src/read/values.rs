//! Small values and timers.

use maru_activity::{RealmId, Timestamp};
use maru_store::{Page, State, TIMER_HELD, Timer};
use uuid::Uuid;

use super::{one_more, page};
use crate::db::{Lent, Values};
use crate::fault::Fault;
use crate::rows::{self, each, rows_max};
use crate::session::now;
use crate::text::Text;

const STATE: &str = "SELECT key, version, at, value FROM states \
     WHERE realm = $1 AND scope = $2 AND key = $3";
const STATES: &str = "SELECT key, version, at, value FROM states \
     WHERE realm = $1 AND scope = $2 AND ($3::text IS NULL OR key > $3) ORDER BY key LIMIT $4";
/// Gives due timers to this process, or again. Those that another one is being given at this moment
/// are passed over.
const CLAIM: &str = concat!(
    "UPDATE timers AS t SET held_by = $2, held_until = ",
    now!(),
    " + $3 FROM (SELECT realm, scope, key FROM timers WHERE due_at <= $1 \
     AND (held_by IS NULL OR held_by = $2 OR held_until <= ",
    now!(),
    ") ORDER BY due_at LIMIT $4 FOR UPDATE SKIP LOCKED) AS d \
     WHERE t.realm = d.realm AND t.scope = d.scope AND t.key = d.key \
     RETURNING t.realm, t.scope, t.key, t.due_at, t.value"
);

/// A value.
pub(crate) async fn state(
    lent: &Lent,
    realm: &RealmId,
    scope: &str,
    key: &str,
) -> Result<Option<State>, Fault> {
    let row = lent.row(STATE, &[&Text(realm.as_str()), &Text(scope), &Text(key)]).await?;
    row.as_ref().map(rows::state).transpose()
}

/// A scope's values, in the order of their keys.
pub(crate) async fn states(
    lent: &Lent,
    realm: &RealmId,
    scope: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Page<State>, Fault> {
    let (realm, after, more) = (Text(realm.as_str()), after.map(Text), one_more(limit));
    let found = lent.query(STATES, &[&realm, &Text(scope), &after, &more]).await?;
    Ok(page(each(&found, rows::state)?, limit, |state: &State| state.key.clone()))
}

/// Timers that are due by a time, for this process alone for a while.
pub(crate) async fn timers(
    lent: &Lent,
    node: Uuid,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<Timer>, Fault> {
    let held = i64::try_from(TIMER_HELD.as_micros()).unwrap_or(i64::MAX);
    let values: Values<'_> = &[&now.as_micros(), &node, &held, &rows_max(limit)];
    let mut timers = each(&lent.query(CLAIM, values).await?, rows::timer)?;
    timers.sort_by_key(|timer| timer.due_at);
    Ok(timers)
}
