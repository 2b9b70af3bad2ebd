import { describe, expect, test } from 'vitest';

import type { Kept } from '../src/ports';
import { CID, World, hello } from './world';

const tick = () => new Promise<void>((done) => setTimeout(done, 0));

describe('a call', () => {
  test('is told from its beginning to its end', () => {
    const world = new World().answer();
    world.message(hello('무엇을 도와드릴까요?'));
    world.next('clear', { code: 200, phrase: 'Call terminated', by: 'agent', csat: false });
    expect(world.names).toEqual(['connecting', 'trying', 'info', 'ringing', 'answered', 'message', 'cleared']);
    expect(world.closes).toEqual([1000]);
    expect(world.pending).toBe(0);
    expect(world.kept).toBeUndefined();
  });

  test('invites with its four arguments and a key that stays over tries', () => {
    const world = new World();
    world.session.start();
    world.session.opened();
    const first = world.last('invite').d;
    world.session.closed(1006);
    world.pass(1_000);
    world.session.opened();
    expect(world.last('invite').d).toEqual(first);
    expect(first).toMatchObject({ realm: 'nexuscommunity.net', dn: '3001', tel: '01012345678' });
    expect(String(first?.key)).toHaveLength(32);
  });

  test('that nobody answers ends after ten seconds, once', () => {
    const world = new World();
    world.session.start();
    for (let second = 0; second < 20; second++) {
      world.session.closed(1006);
      world.pass(1_000);
    }
    expect(world.told).toEqual([
      { is: 'connecting' },
      { is: 'cleared', code: 408, phrase: 'Request Timeout', by: 'client', csat: false },
    ]);
    expect(world.pending).toBe(0);
  });

  test('that the server takes a little later is begun then', () => {
    const world = new World();
    world.session.start();
    world.session.opened();
    world.frame({ t: 'err', r: world.last('invite').i as string, d: { code: 'rate', retry_after: 3 } });
    expect(world.closes).toHaveLength(1);
    world.pass(2_999);
    expect(world.opens).toBe(1);
    world.pass(1);
    world.session.opened();
    world.welcome();
    expect(world.session.cid).not.toBe('');
    expect(world.names).toEqual(['connecting']);
  });

  test('that the server cannot read ends', () => {
    const world = new World();
    world.session.start();
    world.session.opened();
    world.frame({ t: 'err', r: world.last('invite').i as string, d: { code: 'bad_field' } });
    expect(world.told.pop()).toMatchObject({ is: 'cleared', phrase: 'Bad Request' });
  });

  test('rings once, and is answered once, however often it is given on', () => {
    const world = new World().answer();
    world.next('prog', { code: 180, phrase: 'Ringing' });
    world.next('party', { what: 'transferred' });
    world.next('answer', { code: 200 });
    expect(world.names.filter((is) => is === 'ringing' || is === 'answered')).toEqual(['ringing', 'answered']);
  });

  test.each([
    [4400, 'Bad Request'],
    [4401, 'Call/Transaction Does Not Exist'],
    [4403, 'Forbidden'],
    [4409, 'Gone'],
  ])('whose socket is closed with %i ends with %s', (code, phrase) => {
    const world = new World().answer();
    world.session.closed(code);
    expect(world.told.pop()).toMatchObject({ is: 'cleared', phrase });
    world.pass(100_000);
    expect(world.opens).toBe(1);
  });
});

describe('the stream', () => {
  test('drops what was told before, and asks on the same socket for what is missing', () => {
    const world = new World().answer();
    world.frame({ t: 'msg', s: 3, d: { mid: 'old', from: { kind: 'agent' }, content: hello() } });
    expect(world.names).not.toContain('message');
    world.frame({ t: 'msg', s: 6, d: { mid: 'm6', from: { kind: 'agent' }, content: hello('6') } });
    expect(world.last('resume').d).toMatchObject({ sid: 'sid', secret: 'secret-1', last: 3 });
    expect(world.opens).toBe(1);
    // More of what comes too early asks no second time.
    world.frame({ t: 'msg', s: 7, d: { mid: 'm7', from: { kind: 'agent' }, content: hello('7') } });
    expect(world.count('resume')).toBe(1);
    world.welcome();
    for (const text of ['4', '5', '6', '7']) world.message(hello(text));
    const said = world.told.flatMap((what) => (what.is === 'message' ? [what.content.message] : []));
    expect(said).toEqual(['4', '5', '6', '7']);
    expect(world.session.last).toBe(7);
  });

  test('goes on after a lost link from where it was, with the newest secret', () => {
    const world = new World().answer();
    world.reconnect();
    expect(world.last('resume').d).toEqual({ sid: 'sid', secret: 'secret-1', last: 3, pending: [] });
    world.welcome();
    // By its first frame the server knows that the new secret has come.
    expect(world.sent.pop()).toEqual({ t: 'ack', a: 3 });
    world.message(hello());
    world.reconnect();
    expect(world.last('resume').d).toMatchObject({ secret: 'secret-2', last: 4 });
    expect(world.names.slice(5)).toEqual(['link', 'link', 'message', 'link']);
  });

  test('counts entries that say nothing to a page', () => {
    const world = new World().answer();
    world.frame({ t: 'skip', s: 4 });
    world.frame({ t: 'something-new', s: 5, d: {} });
    world.frame({ t: 'typing', s: 6, d: { on: true, from: { kind: 'bot', dn: '3105' } } });
    expect(world.session.last).toBe(6);
    expect(world.names.slice(5)).toEqual(['typing']);
  });

  test('goes over a stretch in which there is nothing to show', () => {
    const world = new World().answer();
    world.frame({ t: 'skip', s: 9, d: { from: 4 } });
    expect(world.session.last).toBe(9);
    world.frame({ t: 'skip', s: 14, d: { from: 12 } });
    expect(world.session.last).toBe(9);
    expect(world.last('resume').d?.last).toBe(9);
  });

  test('fetches what is too far behind page by page, and holds back what comes meanwhile', async () => {
    const world = new World().answer();
    world.reconnect();
    world.welcome();
    world.frame({ t: 'gap', d: { from: 4, to: 153 } });
    const page = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, at) => {
        const s = from + at;
        return { t: 'msg', s, d: { mid: `m${s}`, from: { kind: 'agent' }, content: hello(`${s}`) } };
      });
    expect(world.last('hist').d).toEqual({ before: 154, n: 100 });
    world.frame({ t: 'msg', s: 154, d: { mid: 'm154', from: { kind: 'agent' }, content: hello('154') } });
    world.frame({ t: 'hist', r: world.last('hist').i as string, d: { events: page(54, 153), more: true } });
    await tick();
    expect(world.last('hist').d).toEqual({ before: 54, n: 100 });
    world.frame({ t: 'hist', r: world.last('hist').i as string, d: { events: page(4, 53), more: true } });
    await tick();
    const said = world.told.flatMap((what) => (what.is === 'message' ? [Number(what.content.message)] : []));
    expect(said).toEqual(Array.from({ length: 151 }, (_, at) => at + 4));
    expect(world.session.last).toBe(154);
  });

  test('tells the server now and then up to where it was taken in', () => {
    const world = new World().answer();
    for (let n = 0; n < 64; n++) world.message(hello());
    expect(world.last('ack').a).toBeGreaterThan(60);
  });
});

describe('a message', () => {
  test('is told as sent once, by the confirmation or by its copy', () => {
    const world = new World().answer();
    const first = world.session.say(hello('1'), 'BOTH') as string;
    world.frame({ t: 'ok', r: world.last('msg').i as string, d: { mid: first, s: 4 } });
    world.message(hello('1'), { kind: 'customer' }, first);
    const second = world.session.say(hello('2'), 'BOTH') as string;
    world.message(hello('2'), { kind: 'customer' }, second);
    world.frame({ t: 'ok', r: world.last('msg').i as string, d: { mid: second, s: 5 } });
    expect(world.names.slice(5)).toEqual(['message', 'placed', 'message']);
    expect(world.session.unsent).toEqual([]);
  });

  test('for agents alone settles by the confirmation, without a copy', () => {
    const world = new World().answer();
    const mid = world.session.say(hello('비밀'), 'AGENT') as string;
    expect(world.last('msg').d).toMatchObject({ mid, send: 'AGENT' });
    world.frame({ t: 'ok', d: { mid } });
    expect(world.told.pop()).toMatchObject({ is: 'message', own: true, send: 'AGENT', s: 0 });
  });

  test('is not taken before the answer, nor after the end', () => {
    const world = new World();
    world.session.start();
    expect(world.session.say(hello(), 'BOTH')).toBeUndefined();
    const answered = new World().answer();
    answered.session.leave();
    expect(answered.session.say(hello(), 'BOTH')).toBeUndefined();
  });

  test('waits for the link, fifty at most, and is named and sent again by the same id', () => {
    const world = new World().answer();
    world.session.closed(1006);
    const mids = Array.from({ length: 50 }, (_, n) => world.session.say(hello(`${n}`), 'BOTH'));
    expect(world.session.say(hello('51'), 'BOTH')).toBeUndefined();
    expect(world.kept?.outbox).toHaveLength(50);
    world.pass(1_000);
    world.session.opened();
    expect(world.last('resume').d?.pending).toEqual(mids);
    expect(world.count('msg')).toBe(0);
    world.welcome();
    expect(world.sent.filter(({ t }) => t === 'msg').map(({ d }) => d?.mid)).toEqual(mids);
  });

  test('that the server refuses is told so, with its content', () => {
    const world = new World().answer();
    const mid = world.session.say(hello('욕'), 'BOTH') as string;
    world.frame({ t: 'err', r: world.last('msg').i as string, d: { code: 'blocked_word', msg: 'no', mid } });
    expect(world.told.pop()).toEqual({
      is: 'failed', mid, code: 'blocked_word', reason: 'no', content: hello('욕'), send: 'BOTH',
    });
    expect(world.session.unsent).toEqual([]);
  });

  test('that came too fast is said again when the server allows, before what was said since', () => {
    const world = new World().answer();
    const first = world.session.say(hello('1'), 'BOTH') as string;
    world.frame({ t: 'err', d: { code: 'rate', mid: first, retry_after: 2 } });
    const second = world.session.say(hello('2'), 'BOTH') as string;
    expect(world.count('msg')).toBe(1);
    world.pass(2_000);
    expect(world.sent.filter(({ t }) => t === 'msg').map(({ d }) => d?.mid)).toEqual([first, first, second]);
    expect(world.names).not.toContain('failed');
  });

  test('larger than a frame is not taken', () => {
    const world = new World().answer();
    expect(world.session.say({ type: 'text', message: '가'.repeat(22_000) }, 'BOTH')).toBeUndefined();
  });
});

describe('the link', () => {
  test('is tried again after longer and longer waits, spread by chance', () => {
    for (const [chance, share] of [[0, 0.7], [0.5, 1], [0.999999, 1.3]] as const) {
      const world = new World().answer();
      world.chance = chance;
      for (const step of [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
        const opens = world.opens;
        world.session.closed(1006);
        world.pass(step * share - 2);
        expect(world.opens).toBe(opens);
        world.pass(4);
        expect(world.opens).toBe(opens + 1);
      }
    }
  });

  test('answers a heartbeat with the place it is at', () => {
    const world = new World().answer();
    world.frame({ t: 'hb', d: { n: 7 } });
    expect(world.last('hb.ok')).toEqual({ t: 'hb.ok', a: 3, d: { n: 7 } });
  });

  test('that is silent for a minute is given up', () => {
    const world = new World().answer();
    world.pass(50_000);
    world.frame({ t: 'hb', d: { n: 1 } });
    world.pass(59_000);
    expect(world.closes).toEqual([]);
    world.pass(1_000);
    expect(world.closes).toEqual([4408]);
    expect(world.told.pop()).toEqual({ is: 'link', up: false, unsent: 0 });
    world.pass(500);
    expect(world.opens).toBe(2);
  });

  test('is tested when the page is seen again after a silence, and left alone when it is not silent', () => {
    const world = new World().answer();
    const acks = world.count('ack');
    world.pass(10_000);
    world.session.wake();
    expect(world.count('ack')).toBe(acks);
    world.pass(30_000);
    world.session.wake();
    expect(world.last('ack').i).toBeDefined();
    world.frame({ t: 'hb', d: { n: 1 } });
    world.pass(6_000);
    expect(world.closes).toEqual([]);
    world.pass(31_000);
    world.session.wake();
    world.pass(5_000);
    expect(world.closes).toEqual([4408]);
  });

  test('that is down is tried at once when the page is seen or the network is back', () => {
    const world = new World().answer();
    world.session.closed(1006);
    world.session.wake();
    expect(world.opens).toBe(2);
    world.pass(5_000);
    expect(world.opens).toBe(2);
  });

  test('comes back within the time that a server that restarts has named', () => {
    const world = new World().answer();
    world.chance = 0.25;
    world.frame({ t: 'away', d: { after_ms: 8_000 } });
    world.session.closed(1012);
    world.pass(1_999);
    expect(world.opens).toBe(1);
    world.pass(1);
    expect(world.opens).toBe(2);
  });

  test('that is opened but not greeted is given up', () => {
    const world = new World().answer();
    world.session.closed(1006);
    world.pass(500);
    world.session.opened();
    world.pass(10_000);
    expect(world.closes).toEqual([4408]);
  });
});

describe('the end', () => {
  test('asked for before anything has left the machine is told at once', () => {
    const world = new World();
    world.session.start();
    expect(world.session.leave()).toBe(true);
    expect(world.session.leave()).toBe(false);
    expect(world.told.pop()).toMatchObject({ is: 'cleared', phrase: 'Request Terminated' });
  });

  test('asked for before the greeting waits for it, so that the server learns of it', () => {
    const world = new World();
    world.session.start();
    world.session.opened();
    world.session.leave();
    world.welcome();
    expect(world.count('bye')).toBe(1);
    world.next('clear', { code: 487, phrase: 'Request Terminated', by: 'customer', csat: false });
    expect(world.names).toEqual(['connecting', 'cleared']);
  });

  test('is the server\'s to tell', () => {
    const world = new World().answer();
    world.session.leave();
    expect(world.names).not.toContain('cleared');
    world.next('clear', { code: 200, phrase: 'Call terminated', by: 'customer', csat: true });
    expect(world.told.pop()).toEqual({ is: 'cleared', code: 200, phrase: 'Call terminated', by: 'customer', csat: true });
  });

  test('without a link is told after five seconds; the server still learns of it, and nothing more is told', () => {
    const world = new World().answer();
    world.session.closed(1006);
    world.session.leave();
    world.pass(5_000);
    expect(world.told.pop()).toMatchObject({ is: 'cleared', phrase: 'Call terminated' });
    const told = world.told.length;
    world.session.opened();
    world.welcome();
    expect(world.count('bye')).toBe(1);
    world.next('clear', { code: 200, phrase: 'Call terminated', by: 'customer', csat: false });
    expect(world.told).toHaveLength(told);
    expect(world.pending).toBe(0);
  });

  test('of a chat that the server has forgotten', () => {
    const world = new World().answer();
    world.reconnect();
    world.welcome({ resumed: false });
    expect(world.told.pop()).toMatchObject({ is: 'cleared', phrase: 'Call/Transaction Does Not Exist' });
  });

  test('can be rated, over a link of its own', async () => {
    const world = new World().answer();
    world.next('clear', { code: 200, phrase: 'Call terminated', by: 'agent', csat: true });
    const rated = world.session.rate(5, '좋아요');
    world.session.opened();
    world.welcome();
    expect(world.last('csat').d).toEqual({ score: 5, text: '좋아요' });
    world.frame({ t: 'ok', r: world.last('csat').i as string, d: {} });
    await rated;
    expect(world.closes).toEqual([1000, 1000]);
    expect(world.names.filter((is) => is === 'cleared')).toHaveLength(1);
    expect(world.pending).toBe(0);
  });

  test('whose rating cannot be told fails after three tries', async () => {
    const world = new World().answer();
    world.next('clear', { code: 200, phrase: 'Call terminated', by: 'agent', csat: true });
    const rated = expect(world.session.rate(1, '')).rejects.toThrow('internal');
    for (let n = 0; n < 3; n++) {
      world.session.closed(1006);
      world.pass(5_000);
    }
    await rated;
    expect(world.pending).toBe(0);
  });
});

describe('a page that was loaded anew', () => {
  const before = (): Kept => {
    const world = new World().answer();
    world.message(hello());
    world.session.closed(1006);
    world.session.say(hello('아직'), 'BOTH');
    return structuredClone(world.kept) as Kept;
  };

  test('is told where its call stands, and nothing that was told before', () => {
    const world = new World(before());
    world.head = 4;
    world.session.start();
    world.session.opened();
    expect(world.last('resume').d).toMatchObject({ sid: 'sid', secret: 'secret-1', last: 4 });
    expect(world.session.inCall).toBe(false);
    world.welcome();
    expect(world.names).toEqual(['connecting', 'trying', 'info', 'answered']);
    expect(world.session).toMatchObject({ cid: CID, virtualAgent: '3105', inCall: true });
    expect(world.last('msg').d).toMatchObject({ content: hello('아직') });
    world.message(hello('5'));
    expect(world.told.pop()).toMatchObject({ is: 'message', s: 5 });
  });

  test('begins anew when the server has forgotten the chat', () => {
    const world = new World(before());
    world.session.start();
    world.session.opened();
    world.welcome({ resumed: false });
    expect(world.last('invite').d).toMatchObject({ dn: '3001' });
    world.welcome();
    world.next('prog', { code: 100, phrase: 'Trying' });
    expect(world.names).toEqual(['connecting', 'trying', 'info']);
    expect(world.session.unsent).toEqual([]);
  });

  test('fetches what was said before', async () => {
    const world = new World(before());
    world.session.start();
    world.session.opened();
    world.welcome();
    const page = world.session.history(5, 100);
    const events = [{ t: 'prog', s: 1, d: { code: 100 } }, { t: 'msg', s: 4, d: { mid: 'm', content: hello() } }];
    world.frame({ t: 'hist', r: world.last('hist').i as string, d: { events, more: false } });
    expect(await page).toMatchObject({ messages: [{ s: 4, content: hello() }], more: false });
  });
});

describe('signals', () => {
  test('of typing are said at most every three seconds, and their end once', () => {
    const world = new World().answer();
    for (let n = 0; n < 40; n++) {
      world.session.setTyping(true);
      world.pass(100);
    }
    world.session.setTyping(false);
    world.session.setTyping(false);
    expect(world.sent.filter(({ t }) => t === 'typing').map(({ d }) => d?.on)).toEqual([true, true, false]);
  });

  test('of what was seen are said at most once a second, the newest at the end', () => {
    const world = new World().answer();
    for (let n = 0; n < 5; n++) {
      world.message(hello());
      world.session.setRead(world.session.last);
    }
    world.pass(1_000);
    expect(world.sent.filter(({ t }) => t === 'read').map(({ d }) => d?.upto)).toEqual([4, 8]);
  });
});

test('what a server should not send harms nothing', () => {
  const world = new World().answer();
  const told = world.told.length;
  for (const data of ['', 'null', '[]', '{"t":1}', '{"t":"msg","s":"4"}', '{"t":"welcome","d":{}}', '{"t":"gap","d":{}}', '\u0000', 7]) {
    world.session.received(data);
  }
  world.frame({ t: 'msg', s: 4, d: { content: 'text' } });
  expect(world.told).toHaveLength(told);
  expect(world.session.last).toBe(4);
});
