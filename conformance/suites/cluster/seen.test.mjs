// What is said and done on one node is so on the others.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Cluster } from '../../lib/cluster.mjs';
import { stage } from '../../lib/stage.mjs';
import { until } from '../../lib/wait.mjs';

const play = stage({ bot: 'js-botbuilder', server: Cluster.start });

const shown = ({ id, type, text, from }) => `${id} ${type} ${from.id}: ${text}`;

/** One user: a client that speaks on the first node, others on the other nodes, and a socket on every one. */
async function everywhere() {
  const [first, second, third] = play.maru.nodes;
  const speaker = await play.client({ webSocket: true, domain: first.directLine }).connect({ withUser: true });
  const { user, conversationId } = speaker;
  const listen = (node, webSocket) => {
    return play.client({ webSocket, domain: node.directLine, user, conversationId }).connect();
  };
  const clients = [speaker, ...(await Promise.all([listen(second, true), listen(third, false)]))];
  const followers = play.maru.nodes.map((node) => play.follower(conversationId, node));
  await speaker.hear(`welcome ${user}`);
  return { speaker, clients, followers };
}

/** Waits until all have seen so much, and holds them to the log: a follower to its order, a client to its content. */
async function assertSeen(conversation, length, { clients, followers }) {
  const log = await until(`${length} activities`, async () => {
    const log = (await play.rest.history(conversation)).map(shown);
    return log.length >= length && log;
  }, { timeoutMs: 60_000 });
  assert.equal(log.length, length);
  for (const { activities } of [...clients, ...followers]) {
    await until('everything to be seen', () => activities.length >= length, { shown: () => activities.map(shown) });
  }
  for (const follower of followers) assert.deepEqual(follower.activities.map(shown), log);
  for (const client of clients) assert.deepEqual(client.activities.map(shown).toSorted(), log);
}

test('a post on one node, and what the bot answers, is seen at sockets on the others, in order and once', async () => {
  const all = await everywhere();
  for (const text of ['one', 'many 5', 'two', 'three']) await all.speaker.say(text);
  await assertSeen(all.speaker.conversationId, 1 + 4 + 3 + 5, all);
});

test('posts to every node at once have one order, the same for everyone', async () => {
  const all = await everywhere();
  const { conversationId, user } = all.speaker;
  const posts = Array.from({ length: 30 }, (_, n) => {
    const node = play.maru.nodes[n % play.maru.nodes.length];
    return play.restAt(node).post(conversationId, { type: 'message', from: { id: user }, text: `at once ${n}` });
  });
  for (const posted of await Promise.all(posts)) assert.equal(posted.status, 200, posted.text);
  await assertSeen(conversationId, 1 + 30 + 30, all);
});

test('one client key on two nodes at the same time is one activity', async () => {
  const { speaker } = await everywhere();
  const { conversationId, user } = speaker;
  const activity = { type: 'message', from: { id: user }, text: 'once', channelData: { clientActivityID: 'the-same' } };
  const posted = await Promise.all(play.maru.nodes.map((node) => play.restAt(node).post(conversationId, activity)));
  for (const answer of posted) assert.equal(answer.status, 200, answer.text);
  assert.equal(new Set(posted.map(({ body }) => body.id)).size, 1);
  await speaker.hear('echo: once');
  const log = await play.rest.history(conversationId);
  assert.equal(log.filter(({ text }) => text === 'once').length, 1);
});

test('a secret that is taken away on one node opens none of the others, nor does a token of its making', async () => {
  const [first, second, third] = play.maru.nodes;
  const { secrets: [doomed], id: channel } = await second.cli(
    'channel', 'add', '--kind', 'direct-line', '--bot', play.botId,
  );
  await play.maru.allKnow(doomed);
  const { token } = (await play.restAt(third).as(doomed).generate()).body;
  assert.equal((await play.restAt(first).as(token).start()).status, 201);
  await second.cli('secret', 'revoke', channel, '--key', '1');
  for (const node of play.maru.nodes) {
    for (const credential of [doomed, token]) {
      await until(`${node.name} to refuse`, async () => {
        const { status } = await play.restAt(node).as(credential).start();
        return status === 401 || status === 403;
      });
    }
  }
});
