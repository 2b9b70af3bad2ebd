//! Housekeeping: what goes when it is old.
//!
//! It goes in bounded bits, each in a transaction of its own, so that no post waits long behind it.
//! Several processes may keep house at once: they pass over what another has in hand.

use maru_activity::{BotId, RealmId, Timestamp};
use maru_store::Retention;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::db::{Db, Values};
use crate::fault::Fault;
use crate::rows::{each, get, rows_max, text};
use crate::text::{Owned, Text};

/// How many rows go in one transaction.
const SWEEP_MAX: usize = 2_000;

/// Of how many conversations the entries are looked through at once.
const CONVERSATIONS_MAX: i64 = 64;

/// How often something is done again that others got in the way of.
const TRIES: usize = 5;

const OLD_CONVERSATIONS: &str = "SELECT id, oldest_at FROM conversations \
     WHERE realm = $1 AND oldest_at < $2 AND (oldest_at, id) > ($3, $4) \
     AND ($5::text IS NULL OR channel = $5) AND NOT (channel = ANY($6::text[])) \
     ORDER BY oldest_at, id LIMIT $7";
/// Times rise with the places of a conversation, so the old ones are its first ones.
const OLD_ENTRIES: &str = "SELECT u.id, e.seq FROM unnest($2::text[]) AS u (id) \
     CROSS JOIN LATERAL (SELECT x.seq, x.at FROM entries x WHERE x.realm = $1 \
     AND x.conversation = u.id ORDER BY x.seq LIMIT $4) e WHERE e.at < $3 \
     AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.realm = $1 AND d.conversation = u.id \
     AND d.seq = e.seq AND d.state = 0) ORDER BY u.id, e.seq LIMIT $4";

/// Locked as commits lock them: whoever writes to a conversation's rows holds the conversation, so
/// that no two wait for each other, and what waits and what does not stands still.
const LOCK: &str = "SELECT c.id FROM conversations c WHERE c.realm = $1 AND c.id = ANY($2::text[]) \
     ORDER BY c.realm, c.id FOR UPDATE";
/// Entries `u` of the realm `$1`, if nothing of them is still to be handed over.
macro_rules! gone {
    () => {
        "unnest($2::text[], $3::int8[]) AS u (id, seq)"
    };
}
macro_rules! settled {
    () => {
        "NOT EXISTS (SELECT 1 FROM deliveries w WHERE w.realm = $1 AND w.conversation = u.id \
         AND w.seq = u.seq AND w.state = 0)"
    };
}
const NO_ATTEMPTS: &str = concat!(
    "DELETE FROM attempts AS a USING ",
    gone!(),
    ", deliveries d WHERE d.realm = $1 AND d.conversation = u.id AND d.seq = u.seq \
     AND a.realm = $1 AND a.conversation = u.id AND a.delivery = d.id AND ",
    settled!()
);
const NO_DELIVERIES: &str = concat!(
    "DELETE FROM deliveries AS d USING ",
    gone!(),
    " WHERE d.realm = $1 AND d.conversation = u.id AND d.seq = u.seq AND ",
    settled!()
);
const NO_ENTRIES: &str = concat!(
    "DELETE FROM entries AS e USING ",
    gone!(),
    " WHERE e.realm = $1 AND e.conversation = u.id AND e.seq = u.seq AND ",
    settled!()
);
const NEW_AGES: &str = "UPDATE conversations AS c SET oldest_at = (SELECT e.at FROM entries e \
     WHERE e.realm = c.realm AND e.conversation = c.id ORDER BY e.seq LIMIT 1) \
     WHERE c.realm = $1 AND c.id = ANY($2::text[])";

const OPEN_TO: &str = "SELECT o.conversation, o.seq, o.number, o.id FROM deliveries o \
     WHERE o.state = 0 AND o.realm = $1 AND o.bot = $2 \
     AND (o.conversation, o.seq, o.number) > ($3, $4, $5) \
     ORDER BY o.conversation, o.seq, o.number LIMIT $6";
const REDUE: &str = "UPDATE deliveries AS d SET due_at = $4 \
     FROM unnest($2::text[], $3::uuid[]) AS u (conversation, id) WHERE d.realm = $1 \
     AND d.conversation = u.conversation AND d.id = u.id AND d.state = 0";

/// Realms that have deliveries: one step of an index each.
const REALMS: &str = "WITH RECURSIVE r (realm) AS ( \
     (SELECT realm FROM deliveries ORDER BY realm LIMIT 1) UNION ALL \
     SELECT (SELECT d.realm FROM deliveries d WHERE d.realm > r.realm ORDER BY d.realm LIMIT 1) \
     FROM r WHERE r.realm IS NOT NULL) SELECT realm FROM r WHERE realm IS NOT NULL";
const OLD_ATTEMPTS: &str = "DELETE FROM attempts AS a USING (SELECT x.realm, x.conversation, \
     x.delivery, x.made FROM attempts x WHERE x.at < $1 AND NOT EXISTS (SELECT 1 FROM deliveries d \
     WHERE d.realm = x.realm AND d.conversation = x.conversation AND d.id = x.delivery \
     AND d.state = 0) ORDER BY x.at LIMIT $2 FOR UPDATE SKIP LOCKED) AS u \
     WHERE a.realm = u.realm AND a.conversation = u.conversation AND a.delivery = u.delivery \
     AND a.made = u.made";
/// A settled delivery is never opened again.
const OLD_DELIVERIES: &str = "DELETE FROM deliveries AS d USING (SELECT x.conversation, x.id \
     FROM deliveries x WHERE x.realm = $3 AND x.created_at < $1 AND x.state = 1 \
     ORDER BY x.created_at LIMIT $2 FOR UPDATE SKIP LOCKED) AS u \
     WHERE d.realm = $3 AND d.conversation = u.conversation AND d.id = u.id";
const OLD_KEYS: &str = "DELETE FROM client_keys AS k USING (SELECT x.realm, x.conversation, x.hash \
     FROM client_keys x WHERE x.at < $1 ORDER BY x.at LIMIT $2 FOR UPDATE SKIP LOCKED) AS u \
     WHERE k.realm = u.realm AND k.conversation = u.conversation AND k.hash = u.hash";
const OLD_COMMITS: &str = "DELETE FROM commits AS k USING (SELECT x.id FROM commits x \
     WHERE x.at < $1 ORDER BY x.at LIMIT $2 FOR UPDATE SKIP LOCKED) AS u WHERE k.id = u.id";
const OLD_STATES: &str = "DELETE FROM states AS s USING (SELECT x.realm, x.scope, x.key \
     FROM states x WHERE x.until <= $1 ORDER BY x.until LIMIT $2 FOR UPDATE SKIP LOCKED) AS u \
     WHERE s.realm = u.realm AND s.scope = u.scope AND s.key = u.key";

/// Places of entries: their conversations, and their seqs.
type Places = (Vec<Owned>, Vec<i64>);

/// Finds entries to which a rule applies: the rule's limit at most.
pub(crate) async fn find_old(db: &Db, rule: &Retention) -> Result<Places, Fault> {
    let lent = db.lend().await?;
    let (realm, older) = (Text(rule.realm.as_str()), rule.older_than.as_micros());
    let channel = rule.channel.as_ref().map(|channel| Text(channel.as_str()));
    let except: Vec<_> = rule.except.iter().map(|channel| Text(channel.as_str())).collect();
    let (mut at, mut id) = (i64::MIN, String::new());
    let mut old = (Vec::new(), Vec::new());
    while old.0.len() < rule.limit {
        let after = Text(&id);
        let values: Values<'_> =
            &[&realm, &older, &at, &after, &channel, &except, &CONVERSATIONS_MAX];
        let found = lent.query(OLD_CONVERSATIONS, values).await?;
        let Some(last) = found.last() else { break };
        let next = (get(last, "oldest_at")?, text(last, "id")?);
        let ids = each(&found, |row| text(row, "id").map(Owned))?;
        let left = rows_max(rule.limit - old.0.len());
        for row in lent.query(OLD_ENTRIES, &[&realm, &ids, &older, &left]).await? {
            old.0.push(Owned(text(&row, "id")?));
            old.1.push(get(&row, "seq")?);
        }
        (at, id) = next;
    }
    Ok(old)
}

/// Takes entries away with their deliveries. Tells how many went.
pub(crate) async fn take_away(db: &Db, realm: &RealmId, old: &Places) -> Result<u64, Fault> {
    let (mut tries, realm) = (0, Text(realm.as_str()));
    loop {
        match try_to_take_away(db, realm, old).await {
            Err(fault) if fault.is_contention() && tries < TRIES => tries += 1,
            done => return done,
        }
    }
}

async fn try_to_take_away(db: &Db, realm: Text<'_>, (ids, seqs): &Places) -> Result<u64, Fault> {
    let transaction = db.lend().await?.begin().await?;
    transaction.query(LOCK, &[&realm, ids]).await?;
    transaction.execute(NO_ATTEMPTS, &[&realm, ids, seqs]).await?;
    transaction.execute(NO_DELIVERIES, &[&realm, ids, seqs]).await?;
    let gone = transaction.execute(NO_ENTRIES, &[&realm, ids, seqs]).await?;
    transaction.execute(NEW_AGES, &[&realm, ids]).await?;
    transaction.commit().await?;
    Ok(gone)
}

/// Where a delivery stands among the open ones: its conversation, its seq, its number.
type Stand = (String, i64, i32);

/// Moves the due time of a bot's open deliveries. Tells how many.
pub(crate) async fn redue(
    db: &Db,
    realm: &RealmId,
    bot: &BotId,
    at: Timestamp,
) -> Result<u64, Fault> {
    let (realm, bot) = (Text(realm.as_str()), Text(bot.as_str()));
    let mut after: Stand = (String::new(), i64::MIN, i32::MIN);
    let (mut moved, mut tries) = (0, 0);
    loop {
        match redue_some(db, realm, bot, at, &after).await {
            Err(fault) if fault.is_contention() && tries < TRIES => tries += 1,
            Err(fault) => return Err(fault),
            Ok((more, last)) => {
                moved += more;
                match last {
                    Some(last) => after = last,
                    None => return Ok(moved),
                }
            }
        }
    }
}

/// The next bit of them. Tells how many were moved, and where it ended if there may be more.
async fn redue_some(
    db: &Db,
    realm: Text<'_>,
    bot: Text<'_>,
    at: Timestamp,
    (conversation, seq, number): &Stand,
) -> Result<(u64, Option<Stand>), Fault> {
    let transaction = db.lend().await?.begin().await?;
    let most = rows_max(SWEEP_MAX);
    let values: Values<'_> = &[&realm, &bot, &Text(conversation), seq, number, &most];
    let found = transaction.query(OPEN_TO, values).await?;
    let ids = each(&found, |row| text(row, "conversation").map(Owned))?;
    let deliveries: Vec<Uuid> = each(&found, |row| get(row, "id"))?;
    transaction.query(LOCK, &[&realm, &ids]).await?;
    let values: Values<'_> = &[&realm, &ids, &deliveries, &at.as_micros()];
    let moved = transaction.execute(REDUE, values).await?;
    transaction.commit().await?;
    let stand = |row: &Row| -> Result<Stand, Fault> {
        Ok((text(row, "conversation")?, get(row, "seq")?, get(row, "number")?))
    };
    let last = found.last().filter(|_| found.len() == SWEEP_MAX);
    Ok((moved, last.map(stand).transpose()?))
}

/// When what goes by age goes: what is from before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Before {
    pub(crate) client_keys: Timestamp,
    pub(crate) commits: Timestamp,
    pub(crate) deliveries: Timestamp,
    /// Values whose time has come.
    pub(crate) states: Timestamp,
}

/// Sweeps away what is old.
pub(crate) async fn sweep(db: &Db, before: Before) -> Result<(), Fault> {
    sweep_by(db, OLD_ATTEMPTS, before.deliveries, None).await?;
    let realms = db.lend().await?.query(REALMS, &[]).await?;
    for realm in each(&realms, |row| text(row, "realm"))? {
        sweep_by(db, OLD_DELIVERIES, before.deliveries, Some(&realm)).await?;
    }
    sweep_by(db, OLD_KEYS, before.client_keys, None).await?;
    sweep_by(db, OLD_COMMITS, before.commits, None).await?;
    sweep_by(db, OLD_STATES, before.states, None).await
}

/// Sweeps one kind of row, a bit at a time.
async fn sweep_by(
    db: &Db,
    sql: &'static str,
    before: Timestamp,
    realm: Option<&str>,
) -> Result<(), Fault> {
    let (before, most) = (before.as_micros(), rows_max(SWEEP_MAX));
    let realm = realm.map(Text);
    loop {
        let lent = db.lend().await?;
        let gone = match &realm {
            None => lent.execute(sql, &[&before, &most]).await?,
            Some(realm) => lent.execute(sql, &[&before, &most, realm]).await?,
        };
        if gone < SWEEP_MAX as u64 {
            return Ok(());
        }
    }
}
