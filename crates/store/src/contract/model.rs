//! Random commits against a model that is too simple to be wrong.

use std::sync::Arc;

use bytes::Bytes;
use maru_activity::{Audience, ConversationId, Viewer};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Handle;

use super::{Subject, World, entry, secs};
use crate::{Change, Op, Place, Retention, Store, Turn};

/// One commit, as it is thrown up.
#[derive(Clone, Debug)]
struct Step {
    conversation: usize,
    at: i64,
    entries: Vec<(Audience, Option<prop::sample::Index>, bool)>,
    /// Takes away what is older than this second, instead.
    expire: Option<i64>,
}

/// What an entry should look like.
#[derive(Clone, Debug, PartialEq)]
struct Line {
    seq: u64,
    pos: Option<u64>,
    at: i64,
    audience: Audience,
    op: Op,
    folded: Option<u64>,
    body: Bytes,
}

/// A conversation as the model has it.
#[derive(Clone, Debug, Default)]
struct Log {
    lines: Vec<Line>,
    next_seq: u64,
    next_pos: u64,
    last_at: i64,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let audience = prop_oneof![4 => Just(Audience::All), 2 => Just(Audience::Agents), 1 => Just(Audience::Customer)];
    let new = (audience, prop::option::weighted(0.2, any::<prop::sample::Index>()), any::<bool>());
    let entries = prop::collection::vec(new, 0..6);
    let expire = prop::option::weighted(0.05, 900_i64..1_100);
    let step = (0..3_usize, 900_i64..1_100, entries, expire)
        .prop_map(|(conversation, at, entries, expire)| Step { conversation, at, entries, expire });
    prop::collection::vec(step, 1..25)
}

/// Whatever is committed, each viewer reads by seq and by pos what the model says, from everywhere.
pub async fn any_commits_read_as_the_model_says(mut subject: impl Subject) {
    let world = Arc::new(World::new(&mut subject).await);
    let runtime = Handle::current();
    let run = tokio::task::spawn_blocking(move || {
        let config = Config { cases: 40, failure_persistence: None, ..Config::default() };
        TestRunner::new(config).run(&steps(), |steps| runtime.block_on(check(&world, steps)))
    });
    let outcome = run.await.expect("the runner ends");
    assert!(outcome.is_ok(), "{}", outcome.err().map(|e| e.to_string()).unwrap_or_default());
}

async fn check<S: Store>(world: &World<S>, steps: Vec<Step>) -> Result<(), TestCaseError> {
    // A realm for each case, so that retention touches no other's.
    let world = World {
        store: Arc::clone(&world.store),
        env: world.env.clone(),
        realm: world.env.base62(12).into(),
    };
    let mut logs = Vec::new();
    for _ in 0..3 {
        let change = world.opening();
        logs.push((change.id.clone(), Log::default()));
        world.at(secs(0), change).await.expect("sound");
    }
    for step in steps {
        match step.expire {
            Some(older_than) => expire(&world, &mut logs, older_than).await,
            None => {
                let (id, log) = &mut logs[step.conversation];
                apply(&world, id, log, &step).await?;
            }
        }
    }
    for (id, log) in &logs {
        compare(&world, id, log).await?;
    }
    Ok(())
}

async fn expire<S: Store>(world: &World<S>, logs: &mut [(ConversationId, Log)], older_than: i64) {
    let rule = Retention {
        realm: world.realm.clone(),
        channel: None,
        except: Vec::new(),
        older_than: secs(older_than),
        limit: 10_000,
    };
    world.store.expire(&rule).await.expect("expires");
    for (_, log) in logs {
        log.lines.retain(|line| line.at >= older_than);
    }
}

async fn apply<S: Store>(
    world: &World<S>,
    id: &ConversationId,
    log: &mut Log,
    step: &Step,
) -> Result<(), TestCaseError> {
    let mut change = Change::to(id.clone());
    let mut lines = Vec::new();
    let said: Vec<u64> =
        log.lines.iter().filter(|line| line.op == Op::Say).map(|line| line.seq).collect();
    if !step.entries.is_empty() {
        log.last_at = log.last_at.max(step.at);
    }
    for (audience, target, delete) in &step.entries {
        let op = match target {
            Some(index) if !said.is_empty() => match (index.get(&said), delete) {
                (target, true) => Op::Delete(*target),
                (target, false) => Op::Update(*target),
            },
            _ => Op::Say,
        };
        let mut new = entry(*audience, &format!("line {}", log.next_seq));
        new.op = op;
        new.turn = Turn::None;
        let pos = audience.has_pos().then_some(log.next_pos);
        lines.push(Line {
            seq: log.next_seq,
            pos,
            at: log.last_at,
            audience: *audience,
            op,
            folded: None,
            body: new.body.clone(),
        });
        log.next_seq += 1;
        log.next_pos += u64::from(audience.has_pos());
        change.entries.push(new);
    }
    for line in &lines {
        if let Op::Update(target) | Op::Delete(target) = line.op {
            let folded = log.lines.iter_mut().find(|line| line.seq == target);
            folded.expect("it was chosen from them").folded = Some(line.seq);
        }
    }
    let receipt = world.at(secs(step.at), change).await;
    let receipt = receipt.map_err(|e| TestCaseError::fail(e.to_string()))?;
    let told: Vec<_> = receipt.entries.iter().map(|e| (e.seq, e.pos, e.at)).collect();
    let wanted: Vec<_> = lines.iter().map(|line| (line.seq, line.pos, secs(line.at))).collect();
    prop_assert_eq!(told, wanted);
    log.lines.extend(lines);
    Ok(())
}

async fn compare<S: Store>(
    world: &World<S>,
    id: &ConversationId,
    log: &Log,
) -> Result<(), TestCaseError> {
    let head = world.store.head(&world.realm, id).await.expect("a head").expect("is there");
    prop_assert_eq!(
        (head.next_seq, head.next_pos, head.last_at),
        (log.next_seq, log.next_pos, secs(log.last_at))
    );
    for viewer in [Viewer::Customer, Viewer::Agent, Viewer::Operator] {
        for from in 0..=log.next_seq {
            let wanted = seen(log, viewer, |line| line.seq >= from);
            prop_assert_eq!(read(world, id, viewer, Place::Seq(from)).await, wanted);
        }
        for from in 0..=log.next_pos {
            let first = log.lines.iter().find(|line| line.pos >= Some(from)).map(|line| line.seq);
            let wanted = seen(log, viewer, |line| first.is_some_and(|first| line.seq >= first));
            prop_assert_eq!(read(world, id, viewer, Place::Pos(from)).await, wanted);
        }
    }
    Ok(())
}

fn seen(log: &Log, viewer: Viewer, from: impl Fn(&Line) -> bool) -> Vec<Line> {
    let lines = log.lines.iter().filter(|line| from(line) && viewer.sees(line.audience));
    lines.take(7).cloned().collect()
}

async fn read<S: Store>(
    world: &World<S>,
    id: &ConversationId,
    viewer: Viewer,
    from: Place,
) -> Vec<Line> {
    let entries = world.store.read(&world.realm, id, viewer, from, 7).await.expect("can be read");
    let line = |entry: crate::Entry| Line {
        seq: entry.seq,
        pos: entry.pos,
        at: entry.at.as_secs(),
        audience: entry.audience,
        op: entry.op,
        folded: entry.folded,
        body: entry.body,
    };
    entries.into_iter().map(line).collect()
}
