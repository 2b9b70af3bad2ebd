// Row 27, as far as there is an older version: until the first release is followed by another, every node is restarted on
// the version that it had.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { roundsOf } from '../../lib/battery.mjs';
import { Cluster } from '../../lib/cluster.mjs';
import { Load } from '../../lib/load.mjs';
import { Recorder } from '../../lib/recorder.mjs';
import { stage } from '../../lib/stage.mjs';
import { sleep } from '../../lib/wait.mjs';

const ROUNDS = roundsOf(20);

const play = stage({ bot: Recorder.start, server: Cluster.start });

test(`${ROUNDS} rolling restarts, stopped and killed by turns`, async (t) => {
  play.bot.answer = () => sleep(20).then(() => ({ status: 200 }));
  const load = await Load.start(play);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const node of play.maru.nodes) {
      await load.goesOn(30);
      if (round % 2 === 0) assert.deepEqual(await node.stop(), { code: 0, signal: null });
      else await node.kill();
      await node.up();
      await play.maru.allReady([node]);
    }
  }
  await load.goesOn(30);
  await load.stop();
  t.diagnostic(load.summary);
  await load.assertKept();
});
