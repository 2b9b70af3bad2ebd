// NATS away or losing everything: whoever listens on another node sees everything all the same.

import { Load } from '../lib/load.mjs';
import { until } from '../lib/wait.mjs';

/** Load that is said on the first node and followed on the others, where only hints are faster than the look each second. */
export async function hintedLoad(play) {
  const [first, ...others] = play.maru.nodes;
  return Load.start(play, { pauseMs: 200, address: () => first, watchedAt: others });
}

/** Waits until hints of other nodes come in again everywhere but on the first node. */
export async function hintsFlow(play) {
  await play.maru.allReady();
  const received = () => Promise.all(play.maru.nodes.slice(1).map((node) => node.metric('maru_hints_received_total')));
  const before = await received();
  await until('hints to flow again', async () => (await received()).every((count, index) => count > before[index]));
}

/** The longest time from an acknowledgement to a socket on another node, of the posts acknowledged in a span of time. */
export function worstDelayMs(load, from = 0, to = Infinity) {
  const delays = load.watchers.flatMap(({ writer, follower }) => writer.posts
    .filter(({ ackedAt }) => ackedAt >= from && ackedAt < to)
    .map(({ id, ackedAt }) => follower.arrivals.get(id) - ackedAt));
  return Math.round(delays.reduce((worst, delay) => Math.max(worst, delay), 0));
}
