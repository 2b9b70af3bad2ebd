//! Reading: each call is a query or two, answered by the server that takes the writes.

pub(crate) mod claim;
pub(crate) mod log;
pub(crate) mod outbox;
pub(crate) mod values;

use maru_store::Page;

/// Makes a page out of up to `limit + 1` items, of which the last only tells that there is more.
pub(crate) fn page<T>(mut items: Vec<T>, limit: usize, key: impl Fn(&T) -> String) -> Page<T> {
    let more = items.len() > limit;
    items.truncate(limit);
    let next = if more { items.last().map(key) } else { None };
    Page { items, next }
}

/// One more than a page holds, as SQL wants it.
pub(crate) fn one_more(limit: usize) -> i64 {
    crate::rows::rows_max(limit.saturating_add(1))
}
