// Nodes that are cut off from the store, in every way a network has, while clients move on to the next node.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Cluster } from '../lib/cluster.mjs';
import { Load } from '../lib/load.mjs';
import { Recorder } from '../lib/recorder.mjs';
import { stage } from '../lib/stage.mjs';
import { sleep } from '../lib/wait.mjs';

/** How long a client waits for an answer before it asks another node. */
const TRY_MS = 4_000;

/** What is done to a node's line to the store, and whether the node can have anything acknowledged meanwhile. */
const FAULTS = [
  { name: 'silence both ways', harm: (line) => line.hold(), isApart: true },
  { name: 'silence from the store', harm: (line) => line.hold(['down']), isApart: true },
  { name: 'silence towards the store', harm: (line) => line.hold(['up']), isApart: true },
  { name: 'connections reset', harm: (line) => line.cut(), isApart: true },
  { name: '50 ms more each way', harm: (line) => line.delay(50), isApart: false },
  { name: '1 s more each way', harm: (line) => line.delay(1_000), isApart: false },
];

/**
 * A round for each of `seconds`: one node after the other suffers one fault after the other for so long.
 *
 * @param {{ seconds: number[] }} options
 */
export function playPartition({ seconds }) {
  const play = stage({ bot: Recorder.start, server: Cluster.start, maru: { wired: true } });

  const name = 'a node apart from the store acknowledges nothing, and a client that moves on loses nothing';
  test(`${name} (rounds: ${seconds.length})`, async (t) => {
    const { nodes, wires } = play.maru;
    const load = await Load.start(play, {
      writers: 9,
      tryMs: TRY_MS,
      // Everyone has a node of their own, and the next one if that does not answer.
      address: (writer, tries) => nodes[(writer.number + tries) % nodes.length],
    });
    for (const [round, length] of seconds.entries()) {
      // Each node gets each fault in time.
      const victim = (round + Math.floor(round / FAULTS.length)) % nodes.length;
      const { name: fault, harm, isApart } = FAULTS[round % FAULTS.length];
      await load.goesOn(30);
      const from = performance.now();
      harm(wires[victim].store);
      await sleep(length * 1_000);
      const to = performance.now();
      const acknowledged = load.posts
        .filter(({ node, at, ackedAt }) => node === nodes[victim] && at > from && ackedAt < to)
        .map(({ id }) => id);
      if (isApart) assert.deepEqual(acknowledged, [], `${nodes[victim].name} acknowledged posts with ${fault}`);
      assert.ok(load.posts.some(({ ackedAt }) => ackedAt > from && ackedAt < to), 'the other nodes stood still, too');
      wires[victim].store.heal();
      await play.maru.allReady();
      t.diagnostic(`${nodes[victim].name}, ${fault}, ${length} s: it acknowledged ${acknowledged.length} posts`);
    }
    await load.goesOn(30);
    await load.stop();
    t.diagnostic(load.summary);
    const moved = load.posts.filter(({ tries }) => tries > 1);
    assert.ok(moved.length > 0, 'no client had to move on');
    await load.assertKept();
  });
}
