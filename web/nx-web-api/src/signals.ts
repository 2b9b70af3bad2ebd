// What is said beside the chat, and may get lost: that the customer is typing, and what they have seen.

import type { Link } from './link';
import type { Ports } from './ports';
import { Timers } from './timers';

/** A typing signal lives 6 seconds at the server: it is said anew while it lasts. */
const TYPING_AGAIN_MS = 3_000;
const READ_EVERY_MS = 1_000;

/** The signals of one session. */
export class Signals {
  private on = false;
  private typedAt = -Infinity;
  private seen = 0;
  private saidSeen = 0;
  private readAt = -Infinity;
  private readonly timers: Timers<'read'>;

  constructor(
    private readonly link: Link,
    private readonly ports: Ports,
  ) {
    this.timers = new Timers(ports);
  }

  typing(on: boolean): void {
    const now = this.ports.now();
    if (!this.link.up || (on ? this.on && now - this.typedAt < TYPING_AGAIN_MS : !this.on)) return;
    this.on = on;
    this.typedAt = now;
    this.link.put('typing', { on });
  }

  /** A message ends the typing by itself. */
  saidSomething(): void {
    this.on = false;
  }

  read(upto: number): void {
    this.seen = Math.max(this.seen, upto);
    if (this.timers.has('read')) return;
    const wait = this.readAt + READ_EVERY_MS - this.ports.now();
    if (wait <= 0) this.sayRead();
    else this.timers.set('read', wait, () => this.sayRead());
  }

  stop(): void {
    this.timers.clear();
  }

  private sayRead(): void {
    if (this.seen <= this.saidSeen || !this.link.up) return;
    this.saidSeen = this.seen;
    this.readAt = this.ports.now();
    this.link.put('read', { upto: this.seen });
  }
}
