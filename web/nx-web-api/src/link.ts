// The way to the server: a socket that is opened, greeted, watched, and opened again when it is lost.

import { backoff } from './backoff';
import { type Frame, parseFrame } from './frames';
import type { Ports } from './ports';
import { Timers } from './timers';

/** A socket that was opened has to be greeted within this time. */
const GREETING_MS = 10_000;
/** Silence for so long means that the link is lost. */
const SILENCE_MS = 60_000;
/** How long a link that is doubted has to give a sign of life. */
const PROBE_MS = 5_000;

/** What a request was refused with when its link was lost before an answer came. */
export const LINK_LOST = 'link_lost';

/** Whose link it is. */
export interface LinkOwner {
  /** What introduces the owner to the server: an `invite` or a `resume`. */
  introduction(): { t: string; d: Record<string, unknown> };
  /** Up to where the stream was taken in. */
  place(): number;
  /** A frame has come. */
  frame(frame: Frame): void;
  /** The link is lost; `wasUp`: it had been greeted. Whether it is wanted again. */
  lost(code: number, wasUp: boolean): boolean;
}

interface Asked {
  done: (d: Record<string, unknown>) => void;
  failed: (error: Error) => void;
}

/** The link of one session. */
export class Link {
  private state: 'down' | 'opening' | 'greeting' | 'up' = 'down';
  private readonly timers: Timers<'greeting' | 'silence' | 'probe' | 'retry'>;
  private asked = new Map<string, Asked>();
  private requests = 0;
  private introducedBy = '';
  private heard = 0;
  private tries = 0;
  private awayMs: number | undefined;
  private heartbeatMs = 25_000;

  constructor(
    private readonly owner: LinkOwner,
    private readonly ports: Ports,
  ) {
    this.timers = new Timers(ports);
  }

  get up(): boolean {
    return this.state === 'up';
  }

  /** Whether there is no socket, nor one on its way. */
  get down(): boolean {
    return this.state === 'down';
  }

  /** Whether something has left the machine on this socket. */
  get introduced(): boolean {
    return this.state === 'greeting' || this.up;
  }

  open(): void {
    this.timers.unset('retry');
    this.state = 'opening';
    this.ports.open();
  }

  /** Introduces the owner, on a new socket or anew on this one. */
  introduce(): void {
    this.state = 'greeting';
    this.timers.set('greeting', GREETING_MS, () => this.drop());
    const { t, d } = this.owner.introduction();
    this.introducedBy = this.nextRequest();
    this.put(t, d, this.introducedBy);
  }

  /** Whether `frame` answers the introduction that was made last. */
  answersIntroduction(frame: Frame): boolean {
    return this.state === 'greeting' && (frame.r === undefined || frame.r === this.introducedBy);
  }

  /** The server has greeted. It says how many seconds are between its heartbeats. */
  greeted(heartbeatSeconds: number | undefined): void {
    this.timers.unset('greeting');
    if (heartbeatSeconds) this.heartbeatMs = heartbeatSeconds * 1_000;
    this.state = 'up';
    this.tries = 0;
    this.watch();
  }

  /** The server goes away for a while: the next try is spread over this time. */
  away(ms: number): void {
    this.awayMs = ms;
  }

  /** The server wants nothing for so long: the next try is after that. */
  later(ms: number): void {
    this.drop();
    if (this.timers.has('retry')) this.timers.set('retry', ms, () => this.open());
  }

  /** The page is seen again, or the network is back: a link that is down is tried at once, a doubtful one is tested. */
  wake(): void {
    if (this.down) return this.open();
    const quiet = this.ports.now() - this.heard;
    if (!this.up || quiet < this.heartbeatMs + PROBE_MS || this.timers.has('probe')) return;
    this.put('ack', undefined, this.nextRequest());
    this.timers.set('probe', PROBE_MS, () => this.drop());
  }

  /** Lets go of the socket for good. */
  close(): void {
    this.timers.clear();
    this.state = 'down';
    this.forgetAsked();
    this.ports.close(1000);
  }

  // What becomes of the socket.

  opened(): void {
    this.heard = this.ports.now();
    this.introduce();
  }

  received(data: unknown): void {
    this.heard = this.ports.now();
    this.timers.unset('probe');
    const frame = parseFrame(data);
    if (frame) this.owner.frame(frame);
  }

  closed(code: number): void {
    const wasUp = this.introduced && this.owner.place() > 0;
    this.state = 'down';
    this.timers.clear();
    this.forgetAsked();
    if (this.owner.lost(code, wasUp)) this.retry();
  }

  // What is sent.

  /** Sends a frame if there is a link. Every frame says up to where the stream was taken in. */
  put(t: string, d?: Record<string, unknown>, i?: string): void {
    if (!this.introduced) return;
    const frame: Frame = { t };
    if (i !== undefined) frame.i = i;
    const place = this.owner.place();
    if (place > 0) frame.a = place;
    if (d) frame.d = d;
    this.ports.send(JSON.stringify(frame));
  }

  /** Sends a request whose answer says itself what it answers. */
  ask(t: string, d: Record<string, unknown>): void {
    if (this.up) this.put(t, d, this.nextRequest());
  }

  /** Sends a request, and waits for its answer. Fails with the error's code. */
  request(t: string, d: Record<string, unknown>): Promise<Record<string, unknown>> {
    return new Promise((done, failed) => {
      if (!this.up) return failed(new Error(LINK_LOST));
      const i = this.nextRequest();
      this.asked.set(i, { done, failed });
      this.put(t, d, i);
    });
  }

  /** A request was answered. Whether somebody waited for it. */
  answered(request: string | undefined, answer: Record<string, unknown> | Error): boolean {
    const asked = this.asked.get(request ?? '');
    if (!asked) return false;
    this.asked.delete(request ?? '');
    if (answer instanceof Error) asked.failed(answer);
    else asked.done(answer);
    return true;
  }

  private nextRequest(): string {
    return String(++this.requests);
  }

  private forgetAsked(): void {
    const { asked } = this;
    this.asked = new Map();
    for (const { failed } of asked.values()) failed(new Error(LINK_LOST));
  }

  /** The link is worth nothing: as if the socket had been closed. */
  private drop(): void {
    this.ports.close(4408);
    this.closed(1006);
  }

  private retry(): void {
    const { awayMs } = this;
    this.awayMs = undefined;
    const chance = this.ports.random();
    const wait = awayMs === undefined ? backoff(this.tries++, chance) : Math.round(awayMs * chance);
    this.timers.set('retry', wait, () => this.open());
  }

  private watch(): void {
    const left = SILENCE_MS - (this.ports.now() - this.heard);
    if (left <= 0) this.drop();
    else this.timers.set('silence', left, () => this.watch());
  }
}
