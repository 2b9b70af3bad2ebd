// What an owner does on the command line: signs up, makes an app, drafts, tries, publishes, rolls back, changes the secrets.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { COFFEE, addApp, scenario, signUp } from '../../lib/chatflow/app.mjs';
import { stage } from '../../lib/stage.mjs';

/** A scenario that says which it is, and waits. */
const edition = (text) => ({
  format: 'chatflow/1',
  name: text,
  meta: { entry_id: 'start', exception_id: 'start' },
  nodes: {
    start: { type: 'intent', message: { text: `${text}: first` }, to: 'second' },
    second: { type: 'intent', message: { text: `${text}: second` }, to: 'start' },
  },
});

/** What a verb that must fail says on its standard error. */
async function refused(verb) {
  const error = await verb.then(() => assert.fail('it was done'), (failure) => failure);
  return `${error.code} ${error.stderr}`;
}

describe('an owner', () => {
  const play = stage();
  let app;
  before(async () => {
    app = await addApp(play.maru, { handle: 'shop', file: edition('one') });
  });
  const cli = (...args) => play.maru.cli('chatflow', ...args);
  const says = async (user, more) => (await app.say(user, 'hi', more)).message.text;

  test('makes no app without a phone for alerts and a consent', async () => {
    const add = ['add', 'Another', '--client', app.owner.id, '--handle', 'another'];
    assert.match(await refused(cli(...add, '--monitor-phone', '010-1234-5678')), /consent/);
    assert.match(await refused(cli(...add, '--monitor-phone', 'call me', '--privacy-consent')), /phone/);
    assert.match(await refused(cli(...add, '--privacy-consent')), /monitor-phone/);
    const shown = await cli('show', 'shop');
    assert.equal(shown.monitor_phone, '01012345678');
    assert.ok(Date.parse(shown.consent.at) > 0 && shown.consent.version, JSON.stringify(shown.consent));
  });

  test('publishes: whoever is in a session stays with its version, and whoever comes has the new one', async () => {
    assert.equal(await says('early'), 'one: first');
    const file = { ...edition('two'), nodes: { ...edition('two').nodes, lost: { type: 'jump', to: 'start' } } };
    const { valid, issues } = await app.draft(file);
    assert.ok(valid && issues.some(({ pointer, severity }) => pointer === '/nodes/lost' && severity === 'warning'), JSON.stringify(issues));
    assert.equal(await says('late'), 'one: first', 'a draft is nobody else\'s');
    assert.equal((await cli('publish', 'shop', '--note', 'second')).version, 2);
    assert.equal(await says('early'), 'one: second');
    assert.equal(await says('new'), 'two: first');
    const { versions } = await cli('versions', 'shop');
    assert.deepEqual(versions.map(({ version, note }) => [version, note]).toSorted(), [[1, ''], [2, 'second']]);
    await cli('rollback', 'shop', '1');
    assert.equal(await says('newest'), 'one: first');
    assert.equal(await says('new'), 'two: second');
    const { body } = await app.ask('GET', '/scenario');
    assert.equal(body.name, 'one', JSON.stringify(body));
  });

  test('tries the draft and each version in a place apart', async () => {
    await app.draft(edition('three'));
    const tried = await cli('try', 'shop', 'hi');
    assert.equal(tried.turn.message.text, 'three: first');
    assert.ok(tried.trace.length > 0);
    assert.equal((await cli('try', 'shop', 'hi', '--of', '2', '--user', 'else')).turn.message.text, 'two: first');
    assert.equal((await app.ask('GET', '/users/terminal/state')).body.code, 302, 'testers are no users');
  });

  test('a file with errors is told where they are, and not published', async () => {
    const file = scenario(COFFEE.en);
    file.nodes.hours.to = 'nowhere';
    file.nodes.confirm.choices = [];
    const { valid, issues } = await app.draft(file);
    const errors = issues.filter(({ severity }) => severity === 'error').map(({ pointer }) => pointer);
    assert.ok(!valid && errors.includes('/nodes/hours/to') && errors.some((at) => at.startsWith('/nodes/confirm')), errors.join());
    assert.match(await refused(cli('publish', 'shop')), /the scenario has \d errors/);
  });

  test('changes the secrets: the old ones are good until they are retired', async () => {
    const { app_id: appId } = await cli('rotate', 'shop');
    const { client_id: clientId } = await cli('rotate', app.owner.id, '--client');
    const status = async (facts) => (await app.with(facts).ask('GET', '/scenario')).body.code ?? 0;
    const all = [{}, { appId }, { clientId }, { appId, clientId }];
    assert.deepEqual(await Promise.all(all.map(status)), [0, 0, 0, 0]);
    await cli('retire', 'shop');
    assert.deepEqual(await Promise.all(all.map(status)), [201, 0, 201, 0]);
    await cli('retire', app.owner.id, '--client');
    assert.deepEqual(await Promise.all(all.map(status)), [201, 201, 201, 0]);
    await play.maru.kill();
    await play.maru.up();
    assert.deepEqual(await Promise.all(all.map(status)), [201, 201, 201, 0]);
    for (const secret of [appId, clientId, app.appId, app.clientId]) {
      assert.ok(!play.maru.log.includes(secret) && !JSON.stringify(await cli('show', 'shop')).includes(secret));
    }
  });

  test('one client cannot use the app of another', async () => {
    const other = await addApp(play.maru, { client: await signUp(play.maru, 'Another'), handle: 'other', file: edition('x') });
    assert.equal((await other.with({ appId: app.appId }).ask('GET', '/scenario')).body.code, 201);
    assert.equal((await other.ask('GET', '/scenario')).status, 200);
  });
});
