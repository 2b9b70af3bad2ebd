// The desk as this agent sees it: what the server says is there, and what the agent does.
//
// The server sends whole objects; the newest is the truth. Of the logs alone every entry counts, and they are asked for from
// where they end here.

import { DeskLink, type Ended, type LinkOwner, Refused } from './link';
import { EMPTY, type Log, lastSeen, withEntry, withOlder } from './log';
import type { Cancel, Ports } from './ports';
import type { Chat, Content, Dn, Entry, Frame, Limits, Me, Phase, Readiness, Snapshot, Stats } from './wire';

/** Someone who does not say so again has stopped typing. */
const TYPING_MS = 6_000;
/** How often the others are told that the agent types, and what was read. */
const PACE_MS = 1_000;
/** How many entries are asked for at a time. */
const PAGE = 50;

/** How the link to the server is. */
export type LinkState = 'connecting' | 'live' | 'lost' | Ended;

/** Why a chat is shown no more. */
export interface Gone {
  chat: Chat;
  why: string;
}

/** The order of the list's sections. */
export const PHASES: readonly Phase[] = ['offered', 'mine', 'held', 'waiting', 'wrapup'];

export class Desk implements LinkOwner {
  me = $state.raw<Me>();
  state = $state.raw<Readiness>({ ready: false, since: '', max: 0 });
  chats = $state.raw<ReadonlyMap<string, Chat>>(new Map());
  logs = $state.raw<ReadonlyMap<string, Log>>(new Map());
  dns = $state.raw<readonly Dn[]>([]);
  stats = $state.raw<readonly Stats[]>([]);
  /** Who types, by chat. */
  typing = $state.raw<ReadonlyMap<string, string>>(new Map());
  limits = $state.raw<Limits>({ msg: 4_000, comment: 1_000, file: 0, files: 2 });
  upload = $state.raw<string>();
  link = $state.raw<LinkState>('connecting');
  /** Since when the link has been lost, by the clock of the wall. */
  lostAt = $state.raw<number>();
  selected = $state.raw<string>();
  /** The chat that went last, for a word to the agent. */
  gone = $state.raw<Gone>();
  /** How much the server's clock is ahead of this one, in milliseconds. */
  ahead = $state.raw(0);

  readonly wire: DeskLink;
  private readonly stopTyping = new Map<string, Cancel>();
  private readonly told = new Map<string, number>();

  constructor(
    private readonly ports: Ports,
    private readonly wall: () => number,
  ) {
    this.wire = new DeskLink(this, ports);
  }

  // What is shown.

  /** The chats of a phase; those who have waited longest come first. */
  of(phase: Phase): Chat[] {
    const chats = [...this.chats.values()].filter((chat) => chat.phase === phase);
    return chats.sort((a, b) => Date.parse(a.since) - Date.parse(b.since));
  }

  /** The chat that is looked at. */
  get current(): Chat | undefined {
    return this.selected === undefined ? undefined : this.chats.get(this.selected);
  }

  log(c: string): Log {
    return this.logs.get(c) ?? EMPTY;
  }

  /** How many messages nobody has looked at. */
  get unread(): number {
    return [...this.chats.keys()].reduce((sum, c) => sum + this.log(c).unread, 0);
  }

  /** How many messages the server has not confirmed. */
  get unsent(): number {
    return [...this.logs.values()].reduce((sum, { unsent }) => sum + unsent.length, 0);
  }

  // What the agent does.

  look(c: string | undefined): void {
    this.selected = c;
    if (c === undefined) return;
    const log = this.log(c);
    if (log.unread > 0) this.put(c, { ...log, unread: 0 });
    this.read(c);
    if (this.chats.get(c)?.phase === 'wrapup' && log.entries.length === 0) void this.loadOlder(c).catch(() => undefined);
  }

  ready(ready: boolean, reason?: string): Promise<unknown> {
    return this.wire.ask('state', undefined, reason ? { ready, reason } : { ready });
  }

  async accept({ c, epoch }: Chat): Promise<void> {
    await this.wire.ask('accept', c, { epoch });
    this.look(c);
  }

  reject({ c, epoch }: Chat, reason?: string): Promise<unknown> {
    return this.wire.ask('reject', c, reason ? { epoch, reason } : { epoch });
  }

  async take({ c }: Chat): Promise<void> {
    await this.wire.ask('take', c);
    this.look(c);
  }

  /** Says something to the customer, or to the agents alone. */
  say(c: string, content: Content, note = false): void {
    const mid = this.ports.token(24);
    this.put(c, { ...this.log(c), unsent: [...this.log(c).unsent, { mid, note, content }] });
    this.send(c, mid, content, note);
  }

  /** Says again what was refused. */
  sayAgain(c: string, mid: string): void {
    const log = this.log(c);
    const again = log.unsent.find((message) => message.mid === mid);
    if (!again) return;
    const { content, note } = again;
    this.put(c, { ...log, unsent: log.unsent.map((message) => (message.mid === mid ? { mid, note, content } : message)) });
    this.send(c, mid, content, note);
  }

  /** Gives up what was refused. */
  forget(c: string, mid: string): void {
    const log = this.log(c);
    this.put(c, { ...log, unsent: log.unsent.filter((message) => message.mid !== mid) });
  }

  types(c: string, on: boolean): void {
    if (on && !this.mayTell(`typing ${c}`)) return;
    if (!on) this.told.delete(`typing ${c}`);
    this.wire.tell('typing', c, { on });
  }

  hold(c: string, on: boolean): Promise<unknown> {
    return this.wire.ask('hold', c, { on });
  }

  transfer(c: string, to: string, comment: string): Promise<unknown> {
    return this.wire.ask('transfer', c, comment ? { to, comment } : { to });
  }

  end(c: string, comment: string, codes: string[]): Promise<unknown> {
    const d: Record<string, unknown> = {};
    if (comment) d.comment = comment;
    if (codes.length > 0) d.codes = codes;
    return this.wire.ask('close', c, d);
  }

  wrapUpDone(c: string): Promise<unknown> {
    return this.wire.ask('wrapup.done', c);
  }

  /** Fetches what was said before. */
  async loadOlder(c: string): Promise<void> {
    const before = this.log(c).entries[0]?.seq ?? this.chats.get(c)?.head ?? 0;
    const { entries, more } = await this.wire.ask('hist', c, { before, n: PAGE });
    if (Array.isArray(entries)) this.put(c, withOlder(this.log(c), entries as Entry[], more === true));
  }

  // What the link tells.

  places(): Record<string, number> {
    const known = [...this.logs].filter(([, { next }]) => next > 0);
    return Object.fromEntries(known.map(([c, { next }]) => [c, next]));
  }

  lost(): void {
    this.lostAt ??= this.wall();
    this.link = 'lost';
  }

  ended(why: Ended): void {
    this.link = why;
  }

  frame({ t, c, d = {} }: Frame): void {
    switch (t) {
      case 'snapshot':
        return this.begin(d as unknown as Snapshot);
      case 'state':
        this.state = d as unknown as Readiness;
        return;
      case 'chat':
        return this.keep(d as unknown as Chat);
      case 'dns':
        this.dns = d.dns as Dn[];
        return;
      case 'stats':
        this.stats = d.stats as Stats[];
        return;
    }
    if (c === undefined) return;
    switch (t) {
      case 'gone':
        return this.lose(c, String(d.why));
      case 'entry':
        return this.hear(c, d as unknown as Entry);
      case 'typing':
        return this.heardTyping(c, d);
      case 'read': {
        const log = this.log(c);
        return this.put(c, { ...log, seen: Math.max(log.seen, Number(d.upto) || 0) });
      }
    }
  }

  private begin(all: Snapshot): void {
    this.me = all.me;
    this.state = all.state;
    this.chats = new Map(all.chats.map((chat) => [chat.c, chat]));
    this.dns = all.dns;
    this.stats = all.stats;
    this.limits = all.limits;
    this.upload = all.upload.url;
    this.ahead = Date.parse(all.now) - this.wall();
    this.logs = new Map([...this.logs].filter(([c]) => this.chats.has(c)));
    if (this.selected !== undefined && !this.chats.has(this.selected)) this.selected = undefined;
    this.link = 'live';
    this.lostAt = undefined;
  }

  private keep(chat: Chat): void {
    this.chats = new Map(this.chats).set(chat.c, chat);
  }

  private lose(c: string, why: string): void {
    const chat = this.chats.get(c);
    if (!chat) return;
    this.chats = new Map([...this.chats].filter(([other]) => other !== c));
    this.logs = new Map([...this.logs].filter(([other]) => other !== c));
    this.gone = { chat, why };
    if (this.selected === c) this.selected = undefined;
  }

  private hear(c: string, entry: Entry): void {
    const looked = this.selected === c && document.visibilityState === 'visible';
    this.put(c, withEntry(this.log(c), entry, looked));
    if (entry.from.kind === 'customer') this.heardTyping(c, { on: false });
    if (looked) this.read(c);
  }

  private heardTyping(c: string, { on, from }: Record<string, unknown>): void {
    this.stopTyping.get(c)?.();
    this.stopTyping.delete(c);
    const typing = new Map(this.typing);
    typing.delete(c);
    if (on === true) {
      typing.set(c, String((from as { name?: string } | undefined)?.name ?? ''));
      this.stopTyping.set(c, this.ports.after(TYPING_MS, () => this.heardTyping(c, { on: false })));
    }
    this.typing = typing;
  }

  /** Tells the customer that what they said was seen. */
  private read(c: string): void {
    const upto = lastSeen(this.log(c));
    const phase = this.chats.get(c)?.phase;
    if (upto === undefined || (phase !== 'mine' && phase !== 'held')) return;
    if (this.told.get(`read ${c}`) === upto) return;
    this.told.set(`read ${c}`, upto);
    this.wire.tell('read', c, { upto });
  }

  private send(c: string, mid: string, content: Content, note: boolean): void {
    this.wire.ask(note ? 'note' : 'msg', c, { mid, content }).catch((error: unknown) => {
      const refused = error instanceof Refused ? error.code : 'internal';
      const log = this.log(c);
      const unsent = log.unsent.map((message) => (message.mid === mid ? { ...message, refused } : message));
      this.put(c, { ...log, unsent });
    });
  }

  private put(c: string, log: Log): void {
    if (this.chats.has(c)) this.logs = new Map(this.logs).set(c, log);
  }

  private mayTell(what: string): boolean {
    const now = this.ports.now();
    if (now - (this.told.get(what) ?? -Infinity) < PACE_MS) return false;
    this.told.set(what, now);
    return true;
  }
}
