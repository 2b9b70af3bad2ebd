//! On a shared store: what the other processes do is seen here within a second, whatever becomes of
//! the hints.

use std::collections::HashMap;
use std::time::Duration;

use maru_activity::{ConversationId, RealmId, Seq};
use maru_hints::Hint;
use tokio::time::MissedTickBehavior;

use crate::{Error, Hall};

/// How often the store is asked.
const EVERY: Duration = Duration::from_secs(1);

/// Of how many conversations the heads are asked in one query.
const HEADS_MAX: usize = 1_000;

/// Every this many looks the records are read anew, whether they were said to have changed or not:
/// whoever changed them may have died before it said so.
const READ_ANYWAY: u32 = 60;

/// The next seqs that were told here.
type Told = HashMap<(RealmId, ConversationId), Seq>;

/// Runs until the hall stops.
pub(crate) async fn follow(hall: Hall) {
    let mut notices = hall.inner.hints.listen_all();
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut told, mut looks, mut well) = (Told::new(), 0_u32, true);
    loop {
        let mut tick = false;
        tokio::select! {
            () = hall.inner.stopping.cancelled() => return,
            _ = ticks.tick() => tick = true,
            Ok(_) = notices.recv() => {}
        }
        // However many there are, they ask for the same.
        while notices.try_recv().is_ok() {}
        let mut followed = Ok(());
        if tick {
            looks = looks.wrapping_add(1);
            followed = hall.follow_heads(&mut told).await;
        }
        let anyway = tick && looks.is_multiple_of(READ_ANYWAY);
        followed = followed.and(hall.inner.directory.follow(anyway).await);
        // Said once each time, not each second.
        if let Err(error) = &followed
            && well
        {
            tracing::warn!(%error, "the other nodes' work cannot be followed");
        }
        well = followed.is_ok();
    }
}

impl Hall {
    /// Tells whoever listens here which conversations have grown since it was last told. A listener
    /// that knows already passes over it.
    async fn follow_heads(&self, told: &mut Told) -> Result<(), Error> {
        let listened = self.inner.hints.listened();
        let mut now = Told::with_capacity(listened.len());
        for chunk in listened.chunks(HEADS_MAX) {
            let heads = self.inner.store.heads(chunk).await?;
            for (key, next_seq) in chunk.iter().zip(heads) {
                let Some(next_seq) = next_seq else { continue };
                if told.get(key) != Some(&next_seq) {
                    let hint = Hint::Grown { next_seq, entries: None };
                    self.inner.hints.tell_here(&key.0, &key.1, hint);
                }
                now.insert(key.clone(), next_seq);
            }
        }
        *told = now;
        Ok(())
    }
}
