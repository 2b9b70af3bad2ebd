// Row 12: NATS away for a minute, cut off, silent, or losing everything.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { drawn, roundsOf } from '../../lib/battery.mjs';
import { Cluster } from '../../lib/cluster.mjs';
import { Recorder } from '../../lib/recorder.mjs';
import { stage } from '../../lib/stage.mjs';
import { sleep } from '../../lib/wait.mjs';
import { hintedLoad, hintsFlow, worstDelayMs } from '../../plays/hints.mjs';

const ROUNDS = roundsOf(20);

const FAULTS = [
  { name: 'connections reset', harm: (line) => line.cut() },
  { name: 'every byte lost', harm: (line) => line.lose() },
  { name: 'silence both ways', harm: (line) => line.hold() },
  { name: 'silence from NATS', harm: (line) => line.hold(['down']) },
];

const play = stage({ bot: Recorder.start, server: Cluster.start, maru: { wired: true } });

test('a minute without NATS', async (t) => {
  const load = await hintedLoad(play);
  await load.goesOn(30);
  const from = performance.now();
  await play.maru.nats.stop();
  await sleep(60_000);
  const to = performance.now();
  await play.maru.nats.up();
  await hintsFlow(play);
  await load.stop();
  await load.assertKept();
  t.diagnostic(`${load.summary}; from acknowledgement to a socket on another node at most ${worstDelayMs(load, from, to)} ms`);
});

test(`the lines to NATS fail, ${ROUNDS} rounds: everyone sees everything all the same`, async (t) => {
  const load = await hintedLoad(play);
  const rounds = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const { name, harm } = FAULTS[round % FAULTS.length];
    await load.goesOn(30);
    const length = drawn(1, 12);
    const from = performance.now();
    for (const { hints } of play.maru.wires) harm(hints);
    await sleep(length * 1_000);
    rounds.push({ name, length, from, to: performance.now() });
    for (const { hints } of play.maru.wires) hints.heal();
    await hintsFlow(play);
  }
  await load.stop();
  assert.equal(load.refusals.length, 0, 'a post failed for want of hints');
  await load.assertKept();
  for (const { name, length, from, to } of rounds) {
    t.diagnostic(`${name}, ${length} s: at most ${worstDelayMs(load, from, to)} ms to a socket on another node`);
  }
  t.diagnostic(load.summary);
});
