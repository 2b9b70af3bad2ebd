// Nodes that die, stand still, and are restarted one by one, under load.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Cluster } from '../../lib/cluster.mjs';
import { Load } from '../../lib/load.mjs';
import { Recorder } from '../../lib/recorder.mjs';
import { stage } from '../../lib/stage.mjs';
import { sleep, until } from '../../lib/wait.mjs';

/** How many posts are acknowledged between two blows. */
const SOME = 60;

const play = stage({ bot: Recorder.start, server: Cluster.start });

test('SIGKILL of each node in turn: what was acknowledged is there, once, in order, and reached the bot', async (t) => {
  // Slow enough that the killed have turns in hand.
  play.bot.answer = () => sleep(50).then(() => ({ status: 200 }));
  const load = await Load.start(play);
  for (const node of play.maru.nodes) {
    await load.goesOn(SOME);
    await node.kill();
    await load.goesOn(SOME);
    await node.up();
  }
  await load.goesOn(SOME);
  await load.stop();
  t.diagnostic(load.summary);
  assert.ok(load.refusals.length > 0, 'no kill was noticed');
  await load.assertKept();
});

test('a rolling restart: every node stops by itself, and no post fails that could not be made again', async (t) => {
  play.bot.answer = () => ({ status: 200 });
  const load = await Load.start(play);
  for (const node of play.maru.nodes) {
    await load.goesOn(SOME);
    assert.deepEqual(await node.stop(), { code: 0, signal: null });
    await node.up();
    await play.maru.allReady([node]);
  }
  await load.goesOn(SOME);
  await load.stop();
  t.diagnostic(load.summary);
  await load.assertKept();
});

test('a node that stood still past its lease finds its delivery taken over, and its settlement refused', async (t) => {
  const [frozen, ...others] = play.maru.nodes;
  const { body } = await play.restAt(frozen).start({ user: { id: 'sleeper' } });
  const id = body.conversationId;
  const post = (node, text) => play.restAt(node).post(id, { type: 'message', from: { id: 'sleeper' }, text });
  const handed = (text) => play.bot.of(id).filter(({ activity }) => activity.text === text);

  // The first attempt is answered when the node is awake again; it says something else than the second.
  let answerFirst;
  play.bot.answer = ({ type, text }) => {
    if (type !== 'message' || text !== 'hold this') return { status: 200 };
    if (handed(text).length > 1) return { status: 200 };
    return new Promise((resolve) => (answerFirst = () => resolve({ status: 200 })));
  };
  assert.equal((await post(frozen, 'hold this')).status, 200);
  await until('the first attempt', () => handed('hold this').length === 1);
  const refusedBefore = await frozen.metric('maru_store_commits_refused_total');
  frozen.freeze();
  const frozenAt = performance.now();
  await until('another node to take the delivery over', () => handed('hold this').length === 2, { timeoutMs: 60_000 });
  t.diagnostic(`taken over ${Math.round(performance.now() - frozenAt)} ms after the node stood still`);

  // The conversation goes on without it.
  assert.equal((await post(others[0], 'meanwhile')).status, 200);
  await until('the next turn', () => handed('meanwhile').length === 1);
  answerFirst();
  frozen.wake();
  await until('the late settlement to be refused', async () => {
    return (await frozen.metric('maru_store_commits_refused_total')) > refusedBefore;
  });
  await until('the log to say so', () => frozen.log.includes('taken over by another process'));

  await play.maru.allReady();
  assert.equal((await post(frozen, 'awake again')).status, 200);
  await until('the turn after', () => handed('awake again').length === 1);
  const deliveries = new Set(handed('hold this').map(({ headers }) => headers['x-maru-delivery-id']));
  assert.equal(deliveries.size, 1, 'the two attempts had two ids');
  const texts = ['hold this', 'meanwhile', 'awake again'];
  for (const node of play.maru.nodes) {
    assert.deepEqual((await play.restAt(node).history(id)).map(({ text }) => text), texts);
  }
  const firstHanded = play.bot.of(id).filter(({ activity }) => activity.type === 'message').map(({ activity }) => activity.text);
  assert.deepEqual(firstHanded, ['hold this', 'hold this', 'meanwhile', 'awake again']);
});
