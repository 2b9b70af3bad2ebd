import { expect, test, vi } from 'vitest';

import { Refused } from '../src/desk/link';
import { CID, World, chat, entry } from './world';

test('every heartbeat is answered with its own number', () => {
  const world = new World();
  world.greeted();
  world.says('hb', { n: 7 });
  expect(world.sentOf('hb.ok')).toEqual([{ t: 'hb.ok', d: { n: 7 } }]);
});

test('a silent server is given up after a minute, and another link is tried', () => {
  const world = new World();
  world.greeted();
  world.pass(59_999);
  expect(world.desk.link).toBe('live');
  world.pass(1);
  expect(world.desk.link).toBe('lost');
  expect(world.closed).toEqual([4408]);
  expect(world.opened).toBe(1);
  world.pass(500);
  expect(world.opened).toBe(2);
});

test('a socket that is never greeted is given up', () => {
  const world = new World();
  world.desk.wire.opened();
  world.pass(10_000);
  expect(world.closed).toEqual([4408]);
});

test('what was asked and not answered is asked again under the same id', async () => {
  const world = new World();
  world.greeted([chat({ phase: 'offered', epoch: 4 })]);
  const accepted = world.desk.accept(chat({ epoch: 4 }));
  world.desk.wire.closed(1006);
  world.pass(500);
  world.greeted([chat({ phase: 'offered', epoch: 4 })]);
  const [first, second] = world.sentOf('accept');
  expect(second).toEqual(first);
  world.says('ok', {}, CID, second?.i);
  await accepted;
  expect(world.desk.selected).toBe(CID);
  expect(world.desk.wire.waiting).toBe(0);
});

test('a refusal says why', async () => {
  const world = new World();
  world.greeted([chat()]);
  const refused = world.desk.transfer(CID, '3999', '');
  world.says('err', { code: 'bad_field', field: 'to', msg: 'nobody there' }, CID, world.sentOf('transfer')[0]?.i);
  await expect(refused).rejects.toEqual(new Refused('bad_field', 'to'));
});

test('the server is told from where on each log is wanted', () => {
  const world = new World();
  world.greeted([chat()]);
  world.says('entry', { ...entry(0) }, CID);
  world.says('entry', { ...entry(3) }, CID);
  world.desk.wire.closed(1006);
  world.pass(500);
  world.desk.wire.opened();
  expect(world.sentOf('hello').at(-1)?.d).toEqual({ at: { [CID]: 4 } });
});

test.each([
  [4401, 'signed_out'],
  [4403, 'no_number'],
  [4409, 'replaced'],
  [4400, 'fault'],
])('after close %i nothing is tried again: %s', (code, link) => {
  const world = new World();
  world.greeted();
  world.desk.wire.closed(code);
  world.pass(600_000);
  expect(world.desk.link).toBe(link);
  expect(world.opened).toBe(1);
});

test('a server that restarts says when to come back', () => {
  const world = new World();
  world.greeted();
  world.says('away', { after_ms: 8_000 });
  world.desk.wire.closed(1012);
  world.pass(3_999);
  expect(world.opened).toBe(1);
  world.pass(1);
  expect(world.opened).toBe(2);
});

test('a page that was asleep doubts its link', () => {
  const world = new World();
  world.greeted();
  world.pass(20_000);
  world.desk.wire.wake();
  expect(world.closed).toEqual([]);
  world.pass(20_000);
  world.desk.wire.wake();
  expect(world.closed).toEqual([4408]);
  world.desk.wire.wake();
  expect(world.opened).toBe(2);
});

test('what is no frame is passed over', () => {
  const world = new World();
  world.greeted();
  const thrown = vi.fn();
  for (const odd of ['', '{', '[]', 'null', '{"t":1}', '{"t":"nobody knows"}', new Blob()]) {
    try {
      world.desk.wire.received(odd);
    } catch (error) {
      thrown(error);
    }
  }
  expect(thrown).not.toHaveBeenCalled();
  expect(world.desk.link).toBe('live');
});
