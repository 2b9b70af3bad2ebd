// A world that a session can be played through in: a clock that is turned by hand, and a server's side of the socket.

import type { Content, Frame } from '../src/frames';
import type { Happening } from '../src/happening';
import type { Call, Kept, Ports } from '../src/ports';
import { Session } from '../src/session';

export const CALL: Call = { realm: 'nexuscommunity.net', dn: '3001', tel: '01012345678' };
export const CID = 'NX_00020009605BF4A6_161656744744efb1441f283b70';
export const AGENT = { kind: 'agent' as const, dn: '3001', name: '김상담' };

interface Timer {
  at: number;
  what: () => void;
}

/** One session, and everything around it. */
export class World {
  told: Happening[] = [];
  /** Every frame that the session has sent. */
  sent: Frame[] = [];
  kept: Kept | undefined;
  opens = 0;
  closes: number[] = [];
  chance = 0.5;
  session: Session;
  private time = 0;
  private timers: Timer[] = [];
  private tokens = 0;
  private secrets = 0;
  /** The place of the server's newest entry. */
  head = 0;

  constructor(kept?: Kept, call: Call = CALL) {
    const ports: Ports = {
      open: () => void (this.opens += 1),
      send: (frame) => void this.sent.push(JSON.parse(frame) as Frame),
      close: (code) => void this.closes.push(code),
      now: () => this.time,
      after: (ms, what) => {
        const timer = { at: this.time + ms, what };
        this.timers.push(timer);
        return () => void (this.timers = this.timers.filter((other) => other !== timer));
      },
      random: () => this.chance,
      token: (length) => String(++this.tokens).padStart(length, 'k'),
      tell: (happening) => void this.told.push(happening),
      keep: (what) => void (this.kept = what),
    };
    this.session = new Session(call, ports, kept);
  }

  /** Lets time pass. */
  pass(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      const due = this.timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.timers = this.timers.filter((other) => other !== due);
      this.time = Math.max(this.time, due.at);
      due.what();
    }
    this.time = end;
  }

  get pending(): number {
    return this.timers.length;
  }

  /** What was told, by name. */
  get names(): string[] {
    return this.told.map(({ is }) => is);
  }

  /** The last frame of a type that was sent. */
  last(t: string): Frame {
    const frame = this.sent.filter((sent) => sent.t === t).pop();
    if (!frame) throw new Error(`no ${t} was sent`);
    return frame;
  }

  count(t: string): number {
    return this.sent.filter((sent) => sent.t === t).length;
  }

  // The server's side.

  frame(frame: Frame): void {
    this.session.received(JSON.stringify(frame));
  }

  /** The next entry of the stream. */
  next(t: string, d: Record<string, unknown>): void {
    this.frame({ t, s: ++this.head, d });
  }

  welcome(more: Record<string, unknown> = {}): void {
    const request = this.sent.filter(({ t }) => t === 'invite' || t === 'resume').pop();
    const resumed = request?.t === 'resume';
    const d = { sid: 'sid', secret: `secret-${++this.secrets}`, cid: CID, resumed, hb: 25, ...more };
    this.frame({ t: 'welcome', ...(request?.i ? { r: request.i } : {}), d });
  }

  message(content: Content, from: Record<string, unknown> = AGENT, mid = `m${this.head + 1}`): void {
    this.next('msg', { mid, from, send: 'BOTH', content, at: '2026-01-01T00:00:00.000Z', virtualAgent: '3105' });
  }

  /** From the call to its answer. */
  answer(): this {
    this.session.start();
    this.session.opened();
    this.welcome();
    this.next('prog', { code: 100, phrase: 'Trying' });
    this.next('prog', { code: 180, phrase: 'Ringing' });
    this.next('answer', { code: 200, party: AGENT, virtualAgent: '3105' });
    return this;
  }

  /** The network breaks, and the next try succeeds. */
  reconnect(): void {
    this.session.closed(1006);
    this.pass(1_000);
    this.session.opened();
  }
}

export const hello = (message = '안녕하세요!'): Content => ({ type: 'text', message });
