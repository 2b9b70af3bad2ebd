// One chat: the client's side of `nxchat.v1`. Frames in, frames out; the clock, the socket and chance are handed in (`Ports`),
// so that every rule here is tested without a browser.
//
// The server numbers what it tells without a gap. The session applies a frame only if it is the next one, asks for the rest when
// one is missing, and goes on from there after every lost link: nothing is lost or told twice.

import { Filling, pageOf } from './filling';
import {
  type Content,
  type Frame,
  type Send,
  type Upload,
  type Welcome,
  MAX_FRAME_BYTES,
  MAX_TEXT,
  firstPlaceOf,
  placeOf,
  text,
} from './frames';
import { type Happening, type Message, happeningOf } from './happening';
import { Link } from './link';
import { Outbox, messageBody } from './outbox';
import type { Call, Kept, Ports, Unsent } from './ports';
import { Rating } from './rating';
import { Signals } from './signals';
import { Timers } from './timers';

/** The server has to answer an invitation within this time (T_connect). */
const CONNECT_MS = 10_000;
/** A chat that a reloaded page comes back to is looked for this long. */
const RETURN_MS = 120_000;
/** How long the end of a call may take, and how long the server is still told of it when it took longer. */
const LEAVE_MS = 5_000;
const FAREWELL_MS = 60_000;
/** So many frames are taken in before the server is told of it, if nothing else tells it. */
const ACK_EVERY = 64;
/** What a frame holds beside its message. */
const ENVELOPE_BYTES = 256;

/** How a call ends whose socket the server closed with one of these codes. */
const CLOSED: Record<number, [code: number, phrase: string]> = {
  4400: [400, 'Bad Request'],
  4401: [481, 'Call/Transaction Does Not Exist'],
  4403: [403, 'Forbidden'],
  4409: [410, 'Gone'],
};

/** A page of what was said before. */
export interface Page {
  messages: Message[];
  /** The place that it begins at. */
  from: number;
  more: boolean;
}

/** One chat, from its invitation to its end. */
export class Session {
  /** The chat's id; empty until the server has given one. */
  cid = '';
  /** The last place of the stream that was taken in. */
  last = 0;
  /** The number of the virtual agent by which the call came in; empty if there is none. */
  virtualAgent = '';
  /** Where files go; `undefined` until the server has said so. */
  upload: Upload | undefined;
  /** The most characters of a message's text. */
  maxText = MAX_TEXT;
  /** The most bytes of a file; 0 while the server has not said. */
  maxFile = 0;
  /** Whether the realm wants the documented blank before `i_ao_request`. */
  statusSpace = true;

  private readonly link: Link;
  private readonly signals: Signals;
  private readonly rating: Rating;
  private readonly timers: Timers<'connect' | 'leave' | 'paced'>;
  private readonly key: string;
  private outbox: Outbox;
  private filling: Filling | undefined;
  private sid = '';
  private secret = '';
  private maxFrame = MAX_FRAME_BYTES;
  private unacked = 0;

  private tried = false;
  private rang = false;
  private answered = false;
  /** Comes back to a chat of the page's former life, and has not been greeted yet. */
  private returning = false;
  /** The page was told that the link is lost. */
  private toldLost = false;
  private leaving = false;
  private cleared = false;
  /** The server is told nothing any more. */
  private silent = false;

  constructor(
    private readonly call: Call,
    private readonly ports: Ports,
    kept?: Kept,
  ) {
    this.timers = new Timers(ports);
    this.key = ports.token(32);
    this.outbox = new Outbox(kept?.outbox);
    if (kept) {
      const { sid, secret, cid, last, virtualAgent, tried, rang, answered } = kept;
      Object.assign(this, { sid, secret, cid, last, virtualAgent, tried, rang, answered, returning: true });
    }
    const owner = {
      introduction: () => this.introduction(),
      place: () => this.last,
      frame: (frame: Frame) => this.take(frame),
      lost: (code: number, wasUp: boolean) => this.lost(code, wasUp),
    };
    this.link = new Link(owner, ports);
    this.signals = new Signals(this.link, ports);
    this.rating = new Rating(this.link, () => this.cleared && this.fallSilent());
  }

  /** Whether messages are taken: the call was answered and is not ending. */
  get inCall(): boolean {
    return this.answered && !this.returning && !this.over;
  }

  /** Whether the chat is over, or about to be. */
  get over(): boolean {
    return this.leaving || this.cleared;
  }

  /** What waits for its confirmation, oldest first. */
  get unsent(): readonly Unsent[] {
    return this.outbox.all;
  }

  /** Begins; to be called once. */
  start(): void {
    this.tell({ is: 'connecting' });
    this.connectWithin(this.sid ? RETURN_MS : CONNECT_MS);
    this.link.open();
  }

  // What the page does.

  /** Says something. The message's id; `undefined` if it cannot be taken now. */
  say(content: Content, send: Send): string | undefined {
    if (!this.inCall || this.outbox.full) return undefined;
    const message = { mid: this.ports.token(22), content, send };
    if (byteLength(JSON.stringify(content)) > this.maxFrame - ENVELOPE_BYTES) return undefined;
    this.outbox.add(message);
    this.signals.saidSomething();
    if (!this.timers.has('paced')) this.link.ask('msg', messageBody(message));
    if (!this.link.up) this.keep();
    return message.mid;
  }

  /** Ends the call. Whether there was one to end. */
  leave(): boolean {
    if (this.over) return false;
    this.leaving = true;
    this.link.ask('bye', {});
    // Nothing of it has left this machine: there is nobody to be told.
    if (!this.sid && !this.link.introduced) this.end(487, 'Request Terminated');
    else this.timers.set('leave', LEAVE_MS, () => this.leaveAlone());
    return true;
  }

  /** Says whether the customer is typing; as often as the page likes. */
  setTyping(on: boolean): void {
    if (this.inCall) this.signals.typing(on);
  }

  /** Says up to where the customer has seen the chat; as often as the page likes. */
  setRead(upto: number): void {
    if (this.inCall) this.signals.read(Math.min(upto, this.last));
  }

  /** What was said before the place `before`: the newest `n` messages of it, oldest first. */
  async history(before: number, n: number): Promise<Page> {
    const { events, from, more } = pageOf(await this.link.request('hist', { before, n }));
    const messages = events.map(happeningOf).filter((what): what is Message => what?.is === 'message');
    return { messages, from, more };
  }

  /** Rates the call, also when it is over. Fails with the server's code. */
  rate(score: number, comment: string): Promise<void> {
    if (!this.sid || this.rating.waits) return Promise.reject(new Error('not_in_call'));
    this.silent = false;
    return this.rating.begin(score, comment);
  }

  // What becomes of the socket.

  /** The socket is open. */
  opened(): void {
    this.link.opened();
  }

  /** A frame has come. */
  received(data: unknown): void {
    this.link.received(data);
  }

  /** The socket is closed. */
  closed(code: number): void {
    this.link.closed(code);
  }

  /** The page is seen again, or the network is back. */
  wake(): void {
    if (!this.silent) this.link.wake();
  }

  // The link.

  private introduction(): { t: string; d: Record<string, unknown> } {
    if (!this.sid) return { t: 'invite', d: { ...this.call, key: this.key } };
    const pending = this.outbox.all.map(({ mid }) => mid);
    return { t: 'resume', d: { sid: this.sid, secret: this.secret, last: this.last, pending } };
  }

  private welcomed(welcome: Welcome): void {
    if (this.sid && welcome.resumed !== true) return this.unknown();
    this.timers.unset('connect');
    const { limits } = welcome;
    this.sid = text(welcome.sid);
    this.secret = text(welcome.secret);
    this.cid = text(welcome.cid);
    this.upload = welcome.upload;
    this.statusSpace = welcome.status_space !== false;
    this.maxText = limits?.msg ?? MAX_TEXT;
    this.maxFile = limits?.file ?? 0;
    this.maxFrame = limits?.frame ?? MAX_FRAME_BYTES;
    this.link.greeted(welcome.hb);
    // The server learns from it that the new secret has come.
    this.link.put('ack');
    if (this.returning) this.sayAgain();
    if (this.toldLost) this.tell({ is: 'link', up: true, unsent: this.outbox.all.length });
    this.toldLost = false;
    this.keep();
    if (this.rating.waits) this.rating.send();
    else if (this.leaving) this.link.ask('bye', {});
    else this.resend();
  }

  /** The server knows nothing of the chat. One of the page's former life is begun anew, any other is over. */
  private unknown(): void {
    if (!this.returning || this.leaving) {
      this.end(481, 'Call/Transaction Does Not Exist');
      return this.rating.settle('no_such_chat');
    }
    this.returning = this.tried = this.rang = this.answered = false;
    this.sid = this.secret = this.cid = this.virtualAgent = '';
    this.last = 0;
    this.outbox = new Outbox();
    this.ports.keep(undefined);
    this.connectWithin(CONNECT_MS);
    this.link.introduce();
  }

  /** The link is lost: whether it is wanted again. */
  private lost(code: number, wasUp: boolean): boolean {
    this.filling = undefined;
    this.timers.unset('paced');
    const refusal = CLOSED[code];
    if (refusal) this.end(refusal[0], refusal[1]);
    if (refusal) this.rating.settle('forbidden');
    else this.rating.lost();
    if (this.silent) return false;
    if (wasUp && !this.toldLost) {
      this.toldLost = true;
      this.tell({ is: 'link', up: false, unsent: this.outbox.all.length });
    }
    return true;
  }

  private connectWithin(ms: number): void {
    this.timers.set('connect', ms, () => this.end(408, 'Request Timeout'));
  }

  // The stream.

  private take(frame: Frame): void {
    const s = placeOf(frame);
    if (s === undefined) return this.takeBeside(frame);
    if (s <= this.last) return;
    if (this.filling) {
      this.filling.hold(frame);
    } else if (firstPlaceOf(frame, s) <= this.last + 1) {
      this.apply(frame, s);
      this.keep();
      this.acknowledge();
    } else if (this.link.up) {
      // One is missing. The server tells again, from there on, on this same socket.
      this.link.introduce();
    }
  }

  private apply(frame: Frame, s: number): void {
    this.last = s;
    const happening = happeningOf(frame);
    if (!happening) return;
    switch (happening.is) {
      case 'trying':
        return this.trying();
      case 'ringing':
        if (this.rang) return;
        this.rang = true;
        break;
      case 'answered':
        this.virtualAgent = text(frame.d?.virtualAgent);
        if (this.answered) return;
        this.answered = true;
        break;
      case 'message':
        if (happening.own && !this.outbox.arrived(happening)) {
          return this.tell({ is: 'placed', mid: happening.mid, s });
        }
        break;
      case 'cleared':
        return this.end(happening.code, happening.phrase, happening);
    }
    this.tell(happening);
  }

  private takeBeside(frame: Frame): void {
    const d = frame.d ?? {};
    switch (frame.t) {
      case 'welcome':
        return this.link.answersIntroduction(frame) ? this.welcomed(d as unknown as Welcome) : undefined;
      case 'hb':
        return this.link.put('hb.ok', { n: d.n });
      case 'ok':
        this.link.answered(frame.r, d);
        return this.confirmed(d);
      case 'hist':
        this.link.answered(frame.r, d);
        return;
      case 'err':
        return this.failed(frame, d);
      case 'gap':
        return this.fill(Number(d.from), Number(d.to));
      case 'away':
        return this.link.away(Math.max(0, Number(d.after_ms) || 0));
      default: {
        const happening = happeningOf(frame);
        if (happening && happening.is !== 'cleared') this.tell(happening);
      }
    }
  }

  private trying(): void {
    if (this.tried) return;
    this.tried = true;
    this.tell({ is: 'trying' });
    this.tell({ is: 'info', cid: this.cid });
  }

  private acknowledge(): void {
    this.unacked += 1;
    if (this.unacked < ACK_EVERY || this.cleared) return;
    this.unacked = 0;
    this.link.put('ack');
  }

  /** So much was missed that it is fetched page by page; what comes meanwhile is held back. */
  private fill(from: number, to: number): void {
    if (!(from === this.last + 1 && to >= from)) return;
    const filling = new Filling(from, to);
    this.filling = filling;
    // If the link is lost, so is the gap: the next `resume` begins anew.
    filling.fetch(this.link).then(() => this.filling === filling && this.filled(filling), () => {});
  }

  private filled(filling: Filling): void {
    this.filling = undefined;
    for (const frame of filling.frames()) {
      const s = placeOf(frame);
      if (s !== undefined && s > this.last && !this.cleared) this.apply(frame, s);
    }
    // What is missing still is no more: it was erased.
    this.last = Math.max(this.last, filling.to);
    this.keep();
  }

  // Confirmations.

  private confirmed(d: Record<string, unknown>): void {
    const message = this.outbox.confirmed(text(d.mid));
    if (!message) return;
    this.keep();
    const place = { s: typeof d.s === 'number' ? d.s : 0, at: text(d.at) };
    const { virtualAgent } = this;
    const from = { kind: 'customer' } as const;
    this.tell({ is: 'message', own: true, ...message, more: [], replaces: 0, ...place, from, virtualAgent });
  }

  private failed(frame: Frame, d: Record<string, unknown>): void {
    const code = text(d.code) || 'internal';
    if (this.link.answered(frame.r, new Error(code))) return;
    if (frame.r !== undefined && this.link.answersIntroduction(frame)) {
      if (code === 'rate') return this.link.later(secondsOf(d.retry_after) * 1_000);
      return this.end(400, 'Bad Request');
    }
    if (code === 'rate' && this.outbox.has(text(d.mid))) return this.slowDown(secondsOf(d.retry_after));
    const message = this.outbox.refused(text(d.mid));
    if (!message) return;
    this.keep();
    this.tell({ is: 'failed', ...message, code, reason: text(d.msg) });
  }

  /** Too fast for the server: all that waits is said again later, in its order. */
  private slowDown(seconds: number): void {
    if (!this.timers.has('paced')) this.timers.set('paced', seconds * 1_000, () => this.resend());
  }

  /** The server knows each message by its id: what it has already is confirmed and not said twice. */
  private resend(): void {
    for (const message of this.outbox.all) this.link.ask('msg', messageBody(message));
  }

  // The end.

  /** The end, told once. */
  private end(code: number, phrase: string, as?: Happening): void {
    if (!this.cleared) this.clear(as ?? { is: 'cleared', code, phrase, by: 'client', csat: false });
    if (!this.rating.waits) this.fallSilent();
  }

  /** The server does not answer to the end of the call: the page need not wait for it. */
  private leaveAlone(): void {
    if (!this.sid) return this.end(487, 'Request Terminated');
    this.clear({ is: 'cleared', code: 200, phrase: 'Call terminated', by: 'customer', csat: false });
    this.timers.set('leave', FAREWELL_MS, () => this.fallSilent());
  }

  /** All is put away before the page is told: it may begin the next chat at once. */
  private clear(how: Happening): void {
    this.cleared = true;
    this.timers.clear();
    this.ports.keep(undefined);
    this.ports.tell(how);
  }

  private fallSilent(): void {
    this.silent = true;
    this.timers.clear();
    this.signals.stop();
    this.link.close();
  }

  // Small things.

  /** A page that was loaded anew is told where its call stands. */
  private sayAgain(): void {
    this.returning = false;
    if (this.tried) {
      this.tell({ is: 'trying' });
      this.tell({ is: 'info', cid: this.cid });
    }
    if (this.answered) this.tell({ is: 'answered' });
    else if (this.rang) this.tell({ is: 'ringing' });
  }

  private keep(): void {
    if (!this.sid || this.over) return;
    const { sid, secret, cid, last, virtualAgent, tried, rang, answered } = this;
    this.ports.keep({ sid, secret, cid, last, virtualAgent, tried, rang, answered, outbox: [...this.outbox.all] });
  }

  private tell(happening: Happening): void {
    if (!this.cleared) this.ports.tell(happening);
  }
}

/** How long to wait: a second at least. */
function secondsOf(value: unknown): number {
  return Math.max(1, Number(value) || 1);
}

function byteLength(value: string): number {
  return new TextEncoder().encode(value).length;
}
