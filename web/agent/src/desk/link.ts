// The way to the server: one socket, opened again when it is lost, and what was asked and is not answered yet.
//
// What was asked is asked again on the next socket, under the same id: the server does it once.

import { backoff } from 'nx-web-api/backoff';
import { Timers } from 'nx-web-api/timers';

import type { Ports } from './ports';
import { type Frame, parseFrame } from './wire';

/** A socket that was opened has to be greeted within this time. */
const GREETING_MS = 10_000;
/** Silence for so long means that the link is lost. */
const SILENCE_MS = 60_000;
/** Someone who was quiet for longer than a heartbeat and this is doubted when the page is seen again. */
const DOUBT_MS = 30_000;

/** Why the link is not wanted again. */
export type Ended = 'signed_out' | 'no_number' | 'replaced' | 'fault';

const ENDS: Record<number, Ended> = { 4400: 'fault', 4401: 'signed_out', 4403: 'no_number', 4409: 'replaced' };

/** Why a request was refused. */
export class Refused extends Error {
  constructor(
    readonly code: string,
    readonly field?: string,
  ) {
    super(code);
  }
}

/** Whose link it is. */
export interface LinkOwner {
  /** For each chat that is known, the seq from which on nothing of it is. */
  places(): Record<string, number>;
  /** A frame has come that answers nothing. */
  frame(frame: Frame): void;
  /** The link is lost, and will be tried again. */
  lost(): void;
  /** The link is lost for good. */
  ended(why: Ended): void;
}

interface Asked {
  frame: string;
  done: (d: Record<string, unknown>) => void;
  failed: (error: Refused) => void;
}

export class DeskLink {
  private state: 'down' | 'opening' | 'greeting' | 'up' | 'ended' = 'down';
  private readonly timers: Timers<'greeting' | 'silence' | 'retry'>;
  private readonly asked = new Map<string, Asked>();
  private heard = 0;
  private tries = 0;
  private awayMs: number | undefined;

  constructor(
    private readonly owner: LinkOwner,
    private readonly ports: Ports,
  ) {
    this.timers = new Timers(ports);
  }

  get up(): boolean {
    return this.state === 'up';
  }

  /** How many requests wait for their answers. */
  get waiting(): number {
    return this.asked.size;
  }

  open(): void {
    if (this.state !== 'down') return;
    this.timers.unset('retry');
    this.state = 'opening';
    this.timers.set('greeting', GREETING_MS, () => this.drop());
    this.ports.open();
  }

  /** Lets go for good. */
  close(): void {
    this.timers.clear();
    this.state = 'ended';
    this.asked.clear();
    this.ports.close(1000);
  }

  /** The page is seen again, or the network is back. */
  wake(): void {
    if (this.state === 'down') this.open();
    else if (this.up && this.ports.now() - this.heard > DOUBT_MS) this.drop();
  }

  /** Asks for something. Waits as long as it takes; fails with a `Refused`. */
  ask(t: string, c?: string, d?: Record<string, unknown>): Promise<Record<string, unknown>> {
    return new Promise((done, failed) => {
      const i = this.ports.token(16);
      const frame = text({ t, i, c, d });
      this.asked.set(i, { frame, done, failed });
      if (this.up) this.ports.send(frame);
    });
  }

  /** Sends what is of no use later. */
  tell(t: string, c?: string, d?: Record<string, unknown>): void {
    if (this.up) this.ports.send(text({ t, c, d }));
  }

  // What becomes of the socket.

  opened(): void {
    this.heard = this.ports.now();
    this.state = 'greeting';
    this.ports.send(text({ t: 'hello', i: this.ports.token(16), d: { at: this.owner.places() } }));
  }

  received(data: unknown): void {
    this.heard = this.ports.now();
    const frame = parseFrame(data);
    if (!frame) return;
    switch (frame.t) {
      case 'hb':
        return this.ports.send(text({ t: 'hb.ok', d: frame.d }));
      case 'away':
        this.awayMs = Number(frame.d?.after_ms) || 0;
        return;
      case 'ok':
      case 'hist':
        return this.answered(frame, (asked) => asked.done(frame.d ?? {}));
      case 'err':
        return this.answered(frame, (asked) => asked.failed(refusal(frame)));
      case 'snapshot':
        this.owner.frame(frame);
        return this.greeted();
      default:
        return this.owner.frame(frame);
    }
  }

  closed(code: number): void {
    if (this.state === 'ended') return;
    this.timers.clear();
    const ended = ENDS[code];
    if (ended) {
      this.state = 'ended';
      this.asked.clear();
      return this.owner.ended(ended);
    }
    this.state = 'down';
    this.owner.lost();
    const { awayMs } = this;
    this.awayMs = undefined;
    const chance = this.ports.random();
    const wait = awayMs === undefined ? backoff(this.tries++, chance) : Math.round(awayMs * chance);
    this.timers.set('retry', wait, () => this.open());
  }

  private greeted(): void {
    if (this.state !== 'greeting') return;
    this.timers.unset('greeting');
    this.state = 'up';
    this.tries = 0;
    this.watch();
    for (const { frame } of this.asked.values()) this.ports.send(frame);
  }

  private answered(frame: Frame, settle: (asked: Asked) => void): void {
    const asked = this.asked.get(frame.r ?? '');
    if (!asked) return;
    this.asked.delete(frame.r ?? '');
    settle(asked);
  }

  /** The link is worth nothing: as if the socket had been closed. */
  private drop(): void {
    this.ports.close(4408);
    this.closed(1006);
  }

  private watch(): void {
    const left = SILENCE_MS - (this.ports.now() - this.heard);
    if (left <= 0) this.drop();
    else this.timers.set('silence', left, () => this.watch());
  }
}

function text(frame: { t: string; i?: string | undefined; c?: string | undefined; d?: Record<string, unknown> | undefined }): string {
  return JSON.stringify(frame);
}

function refusal({ d }: Frame): Refused {
  const field = typeof d?.field === 'string' ? d.field : undefined;
  return new Refused(typeof d?.code === 'string' ? d.code : 'internal', field);
}
