// Row 11: the primary dies, and its synchronous standby is promoted.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { roundsOf } from '../../lib/battery.mjs';
import { Cluster } from '../../lib/cluster.mjs';
import { Load } from '../../lib/load.mjs';
import { freePort } from '../../lib/process.mjs';
import { Recorder } from '../../lib/recorder.mjs';
import { stage } from '../../lib/stage.mjs';

const ROUNDS = roundsOf(3);

/** How long nothing may be acknowledged. */
const GAP_MAX_MS = 30_000;

/** Two places, of which one is the primary's and the other the standby's, by turns. */
const otherPort = await freePort();

const play = stage({
  bot: Recorder.start,
  server: Cluster.start,
  maru: {
    storeUrl: (postgres, database) => {
      return `${postgres.url(database, postgres.port, otherPort)}?target_session_attrs=read-write`;
    },
  },
});

test(`the primary dies and its standby is promoted, ${ROUNDS} rounds: nothing acknowledged is lost`, async (t) => {
  const load = await Load.start(play);
  let freed = otherPort;
  for (let round = 1; round <= ROUNDS; round += 1) {
    const primary = play.maru.postgres;
    const standby = await primary.standby(freed);
    await load.goesOn(60);
    const diedAt = performance.now();
    await primary.stop();
    await standby.promote();
    const promotedAt = performance.now();
    freed = primary.port;
    // The stage takes the one away that is there at the end.
    play.maru.postgres = standby;
    await primary.remove();
    await load.goesOn(60, GAP_MAX_MS + 15_000);
    t.diagnostic(`round ${round}: promoted after ${Math.round(promotedAt - diedAt)} ms, `
      + `nothing acknowledged for ${Math.round(load.gapAfterMs(diedAt))} ms`);
    await play.maru.allReady();
  }
  await load.stop();
  t.diagnostic(load.summary);
  assert.ok(load.longestGapMs <= GAP_MAX_MS, `nothing was acknowledged for ${load.longestGapMs} ms`);
  await load.assertKept();
});
