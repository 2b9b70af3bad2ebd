// A desk without a browser: a clock that is moved by hand, a socket that is a list, and the server's frames said by the test.

import { Desk } from '../src/desk/desk.svelte';
import type { Ports } from '../src/desk/ports';
import type { Chat, Entry, Frame } from '../src/desk/wire';

export const CID = 'NX_0123456789ABCDEF_16165674470123456789abcdef';

export class World {
  opened = 0;
  closed: number[] = [];
  sent: Frame[] = [];
  private time = 0;
  private timers: { at: number; what: () => void }[] = [];
  private tokens = 0;
  readonly desk: Desk;

  constructor() {
    const ports: Ports = {
      open: () => void this.opened++,
      send: (frame) => void this.sent.push(JSON.parse(frame) as Frame),
      close: (code) => void this.closed.push(code),
      now: () => this.time,
      after: (ms, what) => {
        const timer = { at: this.time + ms, what };
        this.timers.push(timer);
        return () => void (this.timers = this.timers.filter((other) => other !== timer));
      },
      random: () => 0.5,
      token: (length) => String(++this.tokens).padStart(length, '0'),
    };
    this.desk = new Desk(ports, () => this.time);
    this.desk.wire.open();
  }

  /** Lets time pass; what falls due happens in order. */
  pass(ms: number): void {
    const until = this.time + ms;
    for (;;) {
      const due = this.timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.timers = this.timers.filter((timer) => timer !== due);
      this.time = due.at;
      due.what();
    }
    this.time = until;
  }

  says(t: string, d: Record<string, unknown> = {}, c?: string, r?: string): void {
    this.desk.wire.received(JSON.stringify({ t, d, c, r }));
  }

  /** The socket opens, and the server greets. */
  greeted(chats: Chat[] = []): void {
    this.desk.wire.opened();
    this.says('snapshot', {
      me: { dn: '3001', name: '김상담', login: 'agent', realm: 'default', roles: ['agent'] },
      state: { ready: true, since: '2026-11-21T00:00:00Z', max: 3 },
      chats,
      dns: [],
      stats: [],
      limits: { msg: 4_000, comment: 1_000, file: 1_048_576, files: 2 },
      hb: 25,
      now: new Date(this.time).toISOString(),
      upload: { url: '/agent/api/upload' },
    });
  }

  /** The frames of a type that were sent, oldest first. */
  sentOf(t: string): Frame[] {
    return this.sent.filter((frame) => frame.t === t);
  }
}

export function chat(over: Partial<Chat> = {}): Chat {
  const customer = { id: '01012345678', verified: false, context: {} };
  return { c: CID, epoch: 1, phase: 'mine', since: '2026-11-21T00:00:00Z', customer, dn: '3000', head: 0, ...over };
}

export function entry(seq: number, over: Partial<Entry> = {}): Entry {
  const content = { type: 'text', message: `at ${seq}` };
  return { seq, s: seq + 1, id: String(seq), at: '2026-11-21T00:00:00Z', kind: 'message', from: { kind: 'customer' }, send: 'BOTH', content, ...over };
}
