import { describe, expect, test } from 'vitest';

import { EMPTY, withEntry, withOlder } from '../src/desk/log';
import { CID, World, chat, entry } from './world';

describe('a log', () => {
  test('is in the order of its places, whatever comes when', () => {
    const log = [4, 2, 9].reduce((log, seq) => withEntry(log, entry(seq), true), EMPTY);
    expect(log.entries.map(({ seq }) => seq)).toEqual([2, 4, 9]);
    expect(log.next).toBe(10);
  });

  test('takes no entry twice', () => {
    const log = withEntry(withEntry(EMPTY, entry(1), false), entry(1), false);
    expect([log.entries.length, log.unread]).toEqual([1, 1]);
  });

  test('shows what a message has become where it stood', () => {
    let log = withEntry(withEntry(EMPTY, entry(1), true), entry(2), true);
    log = withEntry(log, entry(5, { id: '1', content: { type: 'text', message: 'changed' } }), true);
    expect(log.entries.map(({ seq, content }) => [seq, content?.message])).toEqual([
      [1, 'changed'],
      [2, 'at 2'],
    ]);
    log = withEntry(log, entry(6, { id: '1', kind: 'deleted' }), true);
    expect(log.entries[0]).toMatchObject({ seq: 1, kind: 'deleted' });
    expect(log.next).toBe(7);
  });

  test('takes older entries before it, each once', () => {
    const log = withOlder(withEntry(EMPTY, entry(5), true), [entry(3), entry(4), entry(5)], false);
    expect(log.entries.map(({ seq }) => seq)).toEqual([3, 4, 5]);
    expect(log.older).toBe(false);
  });
});

test('a snapshot replaces what was there, and keeps the logs of what is still there', () => {
  const world = new World();
  world.greeted([chat(), chat({ c: 'other' })]);
  world.says('entry', { ...entry(0) }, CID);
  world.says('entry', { ...entry(0) }, 'other');
  world.desk.look('other');
  world.greeted([chat({ phase: 'held' })]);
  expect([...world.desk.chats.keys()]).toEqual([CID]);
  expect(world.desk.log(CID).entries).toHaveLength(1);
  expect(world.desk.log('other').entries).toHaveLength(0);
  expect(world.desk.selected).toBeUndefined();
});

test('those who have waited longest come first', () => {
  const world = new World();
  const at = (c: string, since: string): ReturnType<typeof chat> => chat({ c, since, phase: 'waiting' });
  world.greeted([at('b', '2026-11-21T00:00:02Z'), at('a', '2026-11-21T00:00:01Z'), at('c', '2026-11-21T00:00:03Z')]);
  expect(world.desk.of('waiting').map(({ c }) => c)).toEqual(['a', 'b', 'c']);
});

test('a message is shown as unsent until its entry is there', () => {
  const world = new World();
  world.greeted([chat()]);
  world.desk.say(CID, { type: 'text', message: 'hello' });
  const { mid } = world.desk.log(CID).unsent[0] as { mid: string };
  expect(world.sentOf('msg')[0]).toMatchObject({ c: CID, d: { mid, content: { message: 'hello' } } });
  world.says('entry', { ...entry(7, { mid, from: { kind: 'agent', dn: '3001' } }) }, CID);
  expect(world.desk.log(CID).unsent).toEqual([]);
  expect(world.desk.unsent).toBe(0);
});

test('a refused message can be said again, or given up', async () => {
  const world = new World();
  world.greeted([chat()]);
  world.desk.say(CID, { type: 'text', message: 'a secret of ours' }, true);
  world.says('err', { code: 'rate' }, CID, world.sentOf('note')[0]?.i);
  await Promise.resolve();
  await Promise.resolve();
  const [refused] = world.desk.log(CID).unsent;
  expect(refused).toMatchObject({ note: true, refused: 'rate' });
  world.desk.sayAgain(CID, refused?.mid ?? '');
  // A note stays a note.
  expect(world.sentOf('msg')).toEqual([]);
  expect(world.sentOf('note')).toHaveLength(2);
  expect(world.desk.log(CID).unsent[0]?.refused).toBeUndefined();
  world.desk.forget(CID, refused?.mid ?? '');
  expect(world.desk.unsent).toBe(0);
});

test('only what the customer said counts as unread, and looking ends it', () => {
  const world = new World();
  world.greeted([chat()]);
  world.says('entry', { ...entry(0) }, CID);
  world.says('entry', { ...entry(1, { from: { kind: 'bot' } }) }, CID);
  world.says('entry', { ...entry(2, { kind: 'status', status: { state: 'held', code: 200, message: '' } }) }, CID);
  expect(world.desk.unread).toBe(1);
  world.desk.look(CID);
  expect(world.desk.unread).toBe(0);
  expect(world.sentOf('read').at(-1)?.d).toEqual({ upto: 3 });
});

test('nobody is told that a waiting chat was read', () => {
  const world = new World();
  world.greeted([chat({ phase: 'offered' })]);
  world.says('entry', { ...entry(0) }, CID);
  world.desk.look(CID);
  expect(world.sentOf('read')).toEqual([]);
});

test('typing is told at most once a second, and forgotten after six', () => {
  const world = new World();
  world.greeted([chat()]);
  world.desk.types(CID, true);
  world.desk.types(CID, true);
  world.pass(1_000);
  world.desk.types(CID, true);
  expect(world.sentOf('typing')).toHaveLength(2);
  world.says('typing', { on: true, from: { kind: 'customer', name: '홍길동' } }, CID);
  expect(world.desk.typing.get(CID)).toBe('홍길동');
  world.pass(6_000);
  expect(world.desk.typing.has(CID)).toBe(false);
});

test('a chat that goes is shown no more, with a word why', () => {
  const world = new World();
  world.greeted([chat()]);
  world.desk.look(CID);
  world.says('gone', { why: 'ended' }, CID);
  expect(world.desk.chats.size).toBe(0);
  expect(world.desk.selected).toBeUndefined();
  expect(world.desk.gone).toMatchObject({ why: 'ended', chat: { c: CID } });
});

test('what comes of a chat that is gone is passed over', () => {
  const world = new World();
  world.greeted();
  world.says('entry', { ...entry(0) }, CID);
  expect(world.desk.logs.size).toBe(0);
});
