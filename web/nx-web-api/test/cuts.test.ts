// A customer and an agent talk over a network that is cut at random, to a server that may forget to answer but forgets nothing
// else. What both sides see in the end is the whole talk, once, in one order.

import { expect, test } from 'vitest';

import type { Frame } from '../src/frames';
import { AGENT, CID, World, hello } from './world';

/** A small generator of chance with a seed (mulberry32). */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The server's log, and what of both directions is on its way. */
class Server {
  log: Frame[] = [];
  private mids = new Set<string>();
  private down: Frame[] = [];
  private read = 0;

  constructor(
    private readonly world: World,
    private readonly random: () => number,
  ) {}

  append(t: string, d: Record<string, unknown>): void {
    const frame = { t, s: this.log.length + 1, d };
    this.log.push(frame);
    this.down.push(frame);
  }

  cut(): void {
    this.down = [];
    // What the client has sent since is lost on its way, too.
    this.read = this.world.sent.length;
    this.world.session.closed(1006);
  }

  /** Takes some of what is on its way up, and delivers some of what is on its way down; sometimes one frame is lost. */
  step(): void {
    while (this.read < this.world.sent.length && this.random() < 0.8) this.take(this.world.sent[this.read++] as Frame);
    while (this.down.length > 0 && this.random() < 0.8) {
      const frame = this.down.shift() as Frame;
      if (this.random() < 0.97) this.world.frame(frame);
    }
  }

  private take({ t, i, d = {} }: Frame): void {
    const reply = i === undefined ? {} : { r: i };
    if (t === 'invite' || t === 'resume') {
      const last = t === 'resume' ? Number(d.last) : 0;
      const welcome = { sid: 'sid', secret: 'secret', cid: CID, resumed: t === 'resume', hb: 25 };
      this.down = [{ t: 'welcome', ...reply, d: welcome }, ...this.log.slice(last)];
      if (t === 'invite' && this.log.length === 0) this.append('prog', { code: 100 });
    } else if (t === 'msg') {
      const mid = String(d.mid);
      if (!this.mids.has(mid)) {
        this.mids.add(mid);
        this.append('msg', { ...d, from: { kind: 'customer' } });
      }
      if (this.random() < 0.9) this.down.push({ t: 'ok', ...reply, d: { mid } });
    }
  }
}

test.each(Array.from({ length: 60 }, (_, seed) => seed + 1))('nothing is lost, doubled or out of order (seed %i)', (seed) => {
  const random = chance(seed);
  const world = new World();
  const server = new Server(world, random);
  const said: string[] = [];
  let agentSaid = 0;
  world.session.start();
  world.session.opened();
  for (let n = 0; n < 10 && world.session.cid === ''; n++) server.step();
  server.append('answer', { code: 200, party: AGENT, virtualAgent: '' });

  const connect = () => {
    const before = world.opens;
    for (let n = 0; n < 100 && world.opens === before; n++) world.pass(1_000);
    world.session.opened();
  };
  for (let step = 0; step < 150; step++) {
    const what = random();
    if (what < 0.25) {
      const line = `customer ${said.length}`;
      if (world.session.say(hello(line), 'BOTH') !== undefined) said.push(line);
    } else if (what < 0.45) {
      server.append('msg', { mid: `a${agentSaid}`, from: AGENT, content: hello(`agent ${agentSaid++}`) });
    } else if (what < 0.53) {
      server.cut();
      connect();
    }
    server.step();
  }
  // A last link that holds.
  server.cut();
  connect();
  server.append('msg', { mid: 'last', from: AGENT, content: hello('last') });
  for (let n = 0; n < 400; n++) server.step();
  if (world.session.last < server.log.length || world.session.unsent.length > 0) {
    server.cut();
    connect();
    for (let n = 0; n < 400; n++) server.step();
  }

  const logged = server.log.filter(({ t }) => t === 'msg').map(({ d }) => (d?.content as { message: string }).message);
  const told = world.told.flatMap((what) => (what.is === 'message' ? [what] : []));
  const lines = told.map(({ content }) => content.message as string);
  expect(new Set(lines).size).toBe(lines.length);
  expect([...lines].sort()).toEqual([...logged].sort());
  expect(logged.filter((line) => line.startsWith('customer'))).toEqual(said);
  const others = (line: string) => !line.startsWith('customer');
  expect(lines.filter(others)).toEqual(logged.filter(others));
  expect(world.session.unsent).toEqual([]);
});
