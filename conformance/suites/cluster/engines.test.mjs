// PostgreSQL and NATS stopped and started again, under load.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Cluster } from '../../lib/cluster.mjs';
import { Load } from '../../lib/load.mjs';
import { Recorder } from '../../lib/recorder.mjs';
import { stage } from '../../lib/stage.mjs';
import { sleep, until } from '../../lib/wait.mjs';
import { hintedLoad, hintsFlow, worstDelayMs } from '../../plays/hints.mjs';

/** Longer than the nodes wait for the store before they say so: 10 s. */
const STORE_AWAY_MS = 13_000;

const HINTS_AWAY_MS = 8_000;

/** How long a post may hang while the store is away. */
const HANG_MAX_MS = 15_000;

/** How long it may take until everything goes on by itself once the store is back. */
const RESUME_MAX_MS = 30_000;

const play = stage({ bot: Recorder.start, server: Cluster.start });

test('PostgreSQL stopped and started: refusals that may be tried again, nothing lost, nothing doubled', async (t) => {
  const load = await Load.start(play);
  await load.goesOn(60);
  await play.maru.postgres.stop();
  await sleep(STORE_AWAY_MS);
  for (const node of play.maru.nodes) {
    const readiness = await node.readiness();
    assert.equal(readiness.code, 503);
    assert.equal(readiness.store, 'unavailable');
  }
  // A polling client would end for good at an error, so it is told that there is nothing new.
  const polled = await play.rest.activities(load.writers[0].conversation, '3');
  assert.deepEqual([polled.status, polled.body], [200, { activities: [], watermark: '3' }]);
  const started = await play.rest.start({ user: { id: 'latecomer' } });
  assert.deepEqual([started.status, started.body?.error?.code], [503, 'ServiceError']);

  const startedAt = performance.now();
  await play.maru.postgres.up();
  const backAt = performance.now();
  await load.goesOn(10, RESUME_MAX_MS);
  const resumedIn = performance.now() - backAt;
  await load.goesOn();
  await load.stop();
  t.diagnostic(`${load.summary}; PostgreSQL was up after ${Math.round(backAt - startedAt)} ms, `
    + `posts after ${Math.round(resumedIn)} ms more`);

  assert.ok(load.refusals.length > 0, 'nothing was refused');
  for (const { status, body, tookMs } of load.refusals) {
    assert.equal(status, 503);
    assert.equal(body?.error?.code, 'ServiceError');
    assert.ok(tookMs < HANG_MAX_MS, `a post hung for ${tookMs} ms`);
  }
  await play.maru.allReady();
  await load.assertKept();
});

test('NATS stopped and started: everyone sees everything all the same, and hints flow again', async (t) => {
  const { nodes, nats } = play.maru;
  const load = await hintedLoad(play);
  await load.goesOn();
  const stoppedAt = performance.now();
  await nats.stop();
  for (const node of nodes) {
    await until(`${node.name} to notice`, async () => (await node.readiness()).hints === 'disconnected');
    assert.equal((await node.readiness()).code, 200, 'a node without hints is not ready');
    assert.equal(await node.metric('maru_hints_connected'), 0);
  }
  await sleep(HINTS_AWAY_MS);
  const startedAt = performance.now();
  await nats.up();
  await hintsFlow(play);
  const backAt = performance.now();
  await load.goesOn();
  await load.stop();
  await load.assertKept();
  t.diagnostic(`${load.summary}; from acknowledgement to a socket on another node at most `
    + `${worstDelayMs(load, 0, stoppedAt)} ms, without NATS ${worstDelayMs(load, stoppedAt, startedAt)} ms, `
    + `with it again ${worstDelayMs(load, backAt)} ms`);
});
