import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { Chats } from '../src/chats';
import type { Call } from '../src/ports';
import { AGENT, CID, World, hello } from './world';

const ARGUMENTS = ['nexuscommunity.net', '3001', '01012345678', 'ws://10.10.30.71:6080'] as const;

let worlds: World[];
let heard: string[];
let chats: Chats;

function make(protocol = 'http:'): Chats {
  worlds = [];
  return new Chats({
    protocol,
    session(_url, call: Call, tell) {
      const world = new World(undefined, call);
      const { told } = world;
      world.told = new Proxy(told, {
        get: (target, name) =>
          name === 'push'
            ? (happening: (typeof told)[number]) => (target.push(happening), tell(happening, world.session))
            : Reflect.get(target, name),
      });
      worlds.push(world);
      return world.session;
    },
  });
}

/** A chat that was answered, with a Cid of its own. */
function answered(cid = CID): World {
  expect(chats.connectChat(...ARGUMENTS, undefined)).toBe(0);
  vi.runOnlyPendingTimers();
  const world = worlds[worlds.length - 1] as World;
  world.session.opened();
  world.welcome({ cid });
  world.next('prog', { code: 100, phrase: 'Trying' });
  world.next('prog', { code: 180, phrase: 'Ringing' });
  world.next('answer', { code: 200, party: AGENT, virtualAgent: '3105' });
  return world;
}

beforeEach(() => {
  vi.useFakeTimers();
  heard = [];
  chats = make();
  chats.setCallBack((json: string) => heard.push(json));
});

afterEach(() => {
  vi.useRealTimers();
});

describe('the documented events', () => {
  test('are these bytes, in this order', () => {
    const world = answered();
    world.message({ type: 'text', message: '바보' }, { kind: 'customer' });
    world.message({ type: 'text', message: '네' });
    world.message({ type: 'text', message: '저는 봇' }, { kind: 'bot', dn: '3105' });
    world.next('clear', { code: 200, phrase: 'Call terminated', by: 'agent', csat: false });
    const nx = (event: string) => (JSON.parse(event) as { Kind?: string }).Kind === 'NX';
    expect(heard.filter((event) => !nx(event))).toEqual([
      '{"Type":"SetCallBack","Data":{"result":"Success"}}',
      '{"Kind":"SIP","Type":"Connecting","Data":{"status":"connecting","desc":"Call in progress...","dn":"3001","id":1}}',
      '{"Kind":"SIP","Type":"Trying","Data":{"status":" i_ao_request","desc":"Trying","dn":"3001","id":1}}',
      '{"Kind":"SIP","Type":"Ringing","Data":{"status":" i_ao_request","desc":"Ringing","dn":"3001","id":1}}',
      '{"Kind":"SIP","Type":"InCall","Data":{"status":"connected","desc":"In call","dn":"3001","id":1}}',
      `{"Kind":"SIP","Type":"Message_C","Data":{"status":"i_customs_message_send","desc":"Outgoing Message","content":{"type":"text","message":"바보"},"dn":"customer","Cid":"${CID}","virtualAgent":"3105"}}`,
      `{"Kind":"SIP","Type":"Message_C","Data":{"status":"i_customs_message","desc":"Incoming Message","content":{"type":"text","message":"네"},"dn":"3001","Cid":"${CID}","virtualAgent":"3105"}}`,
      `{"Kind":"SIP","Type":"Message_C","Data":{"status":"i_customs_message","desc":"Incoming Message","content":{"type":"text","message":"저는 봇"},"dn":"3105","Cid":"${CID}","virtualAgent":"3105"}}`,
      '{"Kind":"SIP","Type":"Clear","Data":{"status":"terminated","desc":"Call terminated","dn":"3001","id":1}}',
    ]);
    expect(heard.filter(nx)).toEqual([`{"Kind":"NX","Type":"ChatInfo","Data":{"Cid":"${CID}","id":1,"dn":"3001"}}`]);
  });

  test('tell of each content of a message that has several', () => {
    const world = answered();
    heard.length = 0;
    const [first, second] = [{ type: 'text', message: '사진' }, { type: 'file', file_data: [] }];
    world.next('msg', { mid: 'm', from: { kind: 'bot' }, send: 'BOTH', content: first, more: [second, 'none'] });
    expect(heard.map((event) => (JSON.parse(event) as { Data: { content: unknown } }).Data.content)).toEqual([first, second]);
  });

  test('name a failure by its phrase, and nothing comes after the end', () => {
    const world = answered();
    world.next('clear', { code: 486, phrase: 'Busy Here', by: 'system', csat: false });
    const before = heard.length;
    world.message(hello());
    world.session.closed(1000);
    expect(heard).toHaveLength(before);
    expect(heard.pop()).toContain('"status":"terminated","desc":"Busy Here"');
  });

  test('drop the blank when the page or the realm says so', () => {
    chats.statusSpace = false;
    answered();
    expect(heard.join()).not.toContain('" i_ao_request"');
    expect(heard.join()).toContain('"i_ao_request"');
    chats.statusSpace = true;
    chats.connectChat(...ARGUMENTS, undefined);
    const world = worlds[1] as World;
    world.session.opened();
    world.welcome({ status_space: false });
    world.next('prog', { code: 100 });
    expect(heard.join()).not.toContain('" i_ao_request"');
  });

  test('count the calls of a page', () => {
    for (const cid of ['a', 'b', 'c']) answered(cid);
    const ids = heard.flatMap((event) => (event.includes('"InCall"') ? [JSON.parse(event).Data.id as number] : []));
    expect(ids).toEqual([1, 2, 3]);
  });

  test('of what the documents do not have are of another kind', () => {
    const world = answered();
    heard.length = 0;
    world.frame({ t: 'queue', d: { pos: 2, ahead: 1, eta: 30 } });
    world.next('prog', { code: 181, phrase: 'Call Is Being Forwarded' });
    world.next('party', { what: 'transferred', party: AGENT });
    world.frame({ t: 'typing', d: { on: true, from: AGENT } });
    world.frame({ t: 'read', d: { upto: 3, from: AGENT } });
    chats.message(hello(), undefined);
    world.frame({ t: 'err', d: { code: 'too_long', msg: 'no', mid: world.last('msg').d?.mid } });
    world.reconnect();
    world.welcome();
    const events = heard.map((event) => JSON.parse(event) as { Kind: string; Type: string });
    expect(events.every(({ Kind }) => Kind === 'NX')).toBe(true);
    expect(events.map(({ Type }) => Type)).toEqual([
      'Queue', 'Forwarded', 'Party', 'Typing', 'Read', 'MessageFailed', 'Reconnecting', 'Reconnected',
    ]);
  });
});

describe('the callback', () => {
  test('is told of its registration before that returns, each time, and of nothing else within a call', () => {
    expect(heard).toEqual(['{"Type":"SetCallBack","Data":{"result":"Success"}}']);
    chats.connectChat(...ARGUMENTS, undefined);
    expect(heard).toHaveLength(1);
    vi.runOnlyPendingTimers();
    expect(heard).toHaveLength(2);
    expect(chats.setCallBack('no function')).toBe(-1);
    expect(heard).toHaveLength(2);
  });

  test('that comes late is told what it missed', () => {
    chats = make();
    heard.length = 0;
    answered();
    chats.setCallBack((json: string) => heard.push(json));
    expect(heard).toHaveLength(1);
    vi.runOnlyPendingTimers();
    const types = heard.map((event) => (JSON.parse(event) as { Type: string }).Type);
    expect(types).toEqual(['SetCallBack', 'Connecting', 'Trying', 'ChatInfo', 'Ringing', 'InCall']);
  });

  test('that throws ends nothing', () => {
    const log = vi.spyOn(console, 'error').mockImplementation(() => {});
    chats.setCallBack((json: string) => {
      heard.push(json);
      throw new Error('a mistake of the page');
    });
    const world = answered();
    world.message(hello());
    expect(heard.join()).toContain('i_customs_message');
    expect(log).toHaveBeenCalled();
    log.mockRestore();
  });
});

describe('connectChat', () => {
  test.each([
    ['nothing', []],
    ['three arguments', ARGUMENTS.slice(0, 3)],
    ['a number for a DN', ['nexuscommunity.net', 3001, '010', ARGUMENTS[3]]],
    ['a realm that is no host name', ['nexus community', '3001', '010', ARGUMENTS[3]]],
    ['a DN with a blank', ['nexuscommunity.net', '30 01', '010', ARGUMENTS[3]]],
    ['a DN that is too long', ['nexuscommunity.net', '3'.repeat(33), '010', ARGUMENTS[3]]],
    ['Korean letters for a customer', ['nexuscommunity.net', '3001', '홍길동', ARGUMENTS[3]]],
    ['quotes in a customer', ['nexuscommunity.net', '3001', `a"b`, ARGUMENTS[3]]],
    ['no customer', ['nexuscommunity.net', '3001', '', ARGUMENTS[3]]],
    ['an address of another kind', ['nexuscommunity.net', '3001', '010', 'http://10.10.30.71:6080']],
    ['no address', ['nexuscommunity.net', '3001', '010', 'ws://']],
    ['options that are none', [...ARGUMENTS, 'token']],
    ['a token that is no text', [...ARGUMENTS, { token: 7 }]],
  ])('with %s is refused, without an event', (_, given) => {
    const [realm, dn, tel, url, options] = given as unknown[];
    expect(chats.connectChat(realm, dn, tel, url, options)).toBe(-1);
    vi.runOnlyPendingTimers();
    expect(heard).toHaveLength(1);
    expect(worlds).toHaveLength(0);
  });

  test('from a secure page takes a secure address alone', () => {
    chats = make('https:');
    expect(chats.connectChat(...ARGUMENTS, undefined)).toBe(-1);
    expect(chats.connectChat('r', '1', 'a', 'wss://chat.example', undefined)).toBe(0);
  });

  test('where there are no sockets is refused', () => {
    chats = new Chats({
      protocol: 'http:',
      session: () => {
        throw new ReferenceError('WebSocket is not defined');
      },
    });
    expect(chats.connectChat(...ARGUMENTS, undefined)).toBe(-1);
    expect(chats.getChats()).toEqual([]);
  });

  test('holds ten chats at a time', () => {
    for (let n = 0; n < 10; n++) expect(chats.connectChat(...ARGUMENTS, undefined)).toBe(0);
    expect(chats.connectChat(...ARGUMENTS, undefined)).toBe(-1);
    chats.clear(undefined);
    expect(chats.connectChat(...ARGUMENTS, undefined)).toBe(0);
  });

  test('hands on who vouches for the customer, their language, and what is said first', () => {
    const first = { type: 'text', message: '배송 문의' };
    expect(chats.connectChat(...ARGUMENTS, { token: 'jwt', lang: 'ko', first })).toBe(0);
    (worlds[0] as World).session.opened();
    expect((worlds[0] as World).last('invite').d).toMatchObject({ token: 'jwt', lang: 'ko', first });
  });
});

describe('several chats', () => {
  test('are spoken to by their Cid, and the one answered last without', () => {
    const [a, b] = [answered('a'), answered('b')];
    expect(chats.message(hello('to b'), undefined)).toBe(0);
    expect(b.last('msg').d?.content).toEqual(hello('to b'));
    expect(chats.messageTo('a', hello('to a'), undefined)).toBe(0);
    expect(a.last('msg').d?.content).toEqual(hello('to a'));
    expect(chats.messageTo('c', hello(), undefined)).toBe(-1);
    expect(chats.messageTo('', hello(), undefined)).toBe(-1);
    expect(chats.getChats()).toMatchObject([{ Cid: 'a', id: 1, inCall: true }, { Cid: 'b', id: 2, unsent: 1 }]);
  });

  test('end by their Cid, or the one answered last', () => {
    const [a, b] = [answered('a'), answered('b')];
    expect(chats.clear(undefined)).toBe(0);
    expect([a.count('bye'), b.count('bye')]).toEqual([0, 1]);
    expect(chats.clear('b')).toBe(-1);
    expect(chats.clear('a')).toBe(0);
    expect(chats.clear(undefined)).toBe(-1);
    expect(a.count('bye')).toBe(1);
  });

  test('that nobody has answered yet take no message, and can be ended', () => {
    chats.connectChat(...ARGUMENTS, undefined);
    expect(chats.message(hello(), undefined)).toBe(-1);
    expect(chats.clear(undefined)).toBe(0);
    vi.runOnlyPendingTimers();
    expect(heard.map((event) => (JSON.parse(event) as { Type: string }).Type)).toEqual(['SetCallBack', 'Connecting', 'Clear']);
    expect(chats.clear(undefined)).toBe(-1);
  });
});

test('those who may see a message are named in any case, and nobody else is', () => {
  const world = answered();
  for (const name of ['AGENT', 'agent', 'Customer', 'BOTH', '', undefined]) expect(chats.message(hello(), name)).toBe(0);
  expect(world.sent.filter(({ t }) => t === 'msg').map(({ d }) => d?.send)).toEqual([
    'AGENT', 'AGENT', 'CUSTOMER', 'BOTH', 'BOTH', 'BOTH',
  ]);
  for (const name of ['ALL', 'AGENTS', 7]) expect(chats.message(hello(), name)).toBe(-1);
});
