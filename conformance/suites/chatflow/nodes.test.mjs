// Three nodes on one PostgreSQL and one NATS: a user's place is the same on each, whichever was asked before, and whichever is
// gone.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { COFFEE, addApp, scenario } from '../../lib/chatflow/app.mjs';
import { Cluster } from '../../lib/cluster.mjs';
import { until } from '../../lib/wait.mjs';

describe('three nodes', () => {
  let cluster;
  let app;
  let nodes;
  before(async () => {
    cluster = await Cluster.start();
    app = await addApp(cluster);
    nodes = cluster.nodes.map((node) => app.at(node));
    for (const node of nodes) {
      await until('the node to know the app', async () => (await node.ask('GET', '/scenario')).status === 200);
    }
  });
  after(() => cluster?.remove());

  test('an order goes from node to node', async () => {
    const said = ['주문하기', '카페라떼', '차갑게', '2잔', '아라', '아니요, 기다릴게요', '주문'];
    let last;
    for (const [n, text] of said.entries()) {
      last = await nodes[n % nodes.length].say('u1', text);
      assert.equal(last.session.turn, n + 1);
    }
    assert.ok(last.message.text.startsWith('주문되었습니다. 아라 님,'), last.message.text);
  });

  test('one user asked for on all nodes at once: a turn each, one after the other', async () => {
    const turns = await Promise.all(Array.from({ length: 18 }, (_, n) => nodes[n % nodes.length].say('u2', `말 ${n}`)));
    const places = turns.map(({ session }) => session.turn).toSorted((a, b) => a - b);
    assert.deepEqual(places, turns.map((_, n) => n + 1));
    const history = (await Promise.all(nodes.map((node) => node.state('u2')))).map((state) => JSON.stringify(state.history));
    assert.equal(new Set(history).size, 1);
  });

  test('one message at all nodes at once is one turn, with one answer', async () => {
    const fields = { user_key: 'u3', content: '주문하기', message_id: 'm1' };
    const answers = await Promise.all(Array.from({ length: 12 }, (_, n) => nodes[n % nodes.length].post('/message', fields)));
    assert.equal(new Set(answers.map(({ text }) => text)).size, 1, answers.map(({ text }) => text).join('\n'));
    assert.equal((await nodes[0].state('u3')).session.turn, 1);
  });

  test('what is published on one is live on all, for those who come', async () => {
    await nodes[1].say('early', '안녕');
    const file = { ...scenario(COFFEE.ko), name: '커피 2' };
    await nodes[0].publish(file);
    for (const node of nodes) {
      await until('the node to have it', async () => (await node.ask('GET', '/scenario')).body.version === 2);
    }
    assert.equal((await nodes[2].say('early', '주문하기')).session.scenario_version, 1);
    assert.equal((await nodes[2].say('late', '주문하기')).session.scenario_version, 2);
  });

  test('a node is killed: whoever it served goes on at another', async () => {
    await nodes[2].say('u4', '주문하기');
    await cluster.nodes[2].kill();
    const next = await nodes[0].say('u4', '유자차');
    assert.equal(next.id, 'ask_qty');
    assert.equal(next.session.restarted, null);
  });
});
