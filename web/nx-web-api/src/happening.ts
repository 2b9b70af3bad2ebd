// What a session tells the page: the frames of the stream in words of our own, before they become the callback's events.

import { type Content, type Frame, type From, type Party, type Send, isObject, text } from './frames';

/** A message of the stream. */
export interface Message {
  is: 'message';
  /** Whether this customer wrote it, on this page or on another. */
  own: boolean;
  mid: string;
  /** Its place; 0 while only the server's `ok` is known, or if it has none (`AGENT`). */
  s: number;
  /** When, RFC 3339. */
  at: string;
  from: From;
  send: Send;
  content: Content;
  /** What the same message says besides: a bot's picture after its text. */
  more: Content[];
  /** The place of an earlier message that this one takes the place of; 0 if of none. */
  replaces: number;
  virtualAgent: string;
}

/** How a call went on for somebody. */
export type PartyChange = 'joined' | 'left' | 'transferred' | 'held' | 'resumed';

/** Something that came about in a chat. */
export type Happening =
  | { is: 'connecting' }
  | { is: 'trying' }
  | { is: 'info'; cid: string }
  | { is: 'ringing' }
  | { is: 'forwarded'; phrase: string; party?: Party }
  | { is: 'queued'; place: number | null; ahead: number | null; eta: number | null }
  | { is: 'answered'; party?: Party }
  | Message
  | { is: 'placed'; mid: string; s: number }
  | { is: 'failed'; mid: string; code: string; reason: string; content: Content; send: Send }
  | { is: 'party'; what: PartyChange; party?: Party; at: string }
  | { is: 'typing'; on: boolean; from: From }
  | { is: 'read'; upto: number; from: From }
  | { is: 'link'; up: boolean; unsent: number }
  | { is: 'cleared'; code: number; phrase: string; by: string; csat: boolean };

const CHANGES = new Set(['joined', 'left', 'transferred', 'held', 'resumed']);

/** What a frame of the stream says; `undefined` if it says nothing that is shown. */
export function happeningOf(frame: Frame): Happening | undefined {
  const d = frame.d ?? {};
  switch (frame.t) {
    case 'prog':
      return progress(Number(d.code), text(d.phrase), partyOf(d.party));
    case 'answer':
      return withParty({ is: 'answered' }, partyOf(d.party));
    case 'msg':
      return messageOf(frame);
    case 'party': {
      const what = text(d.what);
      if (!CHANGES.has(what)) return undefined;
      return withParty({ is: 'party', what: what as PartyChange, at: text(d.at) }, partyOf(d.party));
    }
    case 'queue':
      return { is: 'queued', place: countOf(d.pos), ahead: countOf(d.ahead), eta: countOf(d.eta) };
    case 'typing':
      return { is: 'typing', on: d.on === true, from: fromOf(d.from) };
    case 'read':
      return { is: 'read', upto: countOf(d.upto) ?? 0, from: fromOf(d.from) };
    case 'clear':
      return { is: 'cleared', code: Number(d.code), phrase: text(d.phrase), by: text(d.by), csat: d.csat === true };
    default:
      return undefined;
  }
}

/** The message in a `msg` frame; `undefined` if there is no content in it. */
export function messageOf(frame: Frame): Message | undefined {
  const d = frame.d ?? {};
  if (frame.t !== 'msg' || !isObject(d.content)) return undefined;
  const from = fromOf(d.from);
  return {
    is: 'message',
    own: from.kind === 'customer',
    mid: text(d.mid),
    s: frame.s ?? 0,
    at: text(d.at),
    from,
    send: d.send === 'AGENT' || d.send === 'CUSTOMER' ? d.send : 'BOTH',
    content: d.content,
    more: Array.isArray(d.more) ? d.more.filter(isObject) : [],
    replaces: countOf(d.replaces) ?? 0,
    virtualAgent: text(d.virtualAgent),
  };
}

function progress(code: number, phrase: string, party: Party | undefined): Happening | undefined {
  switch (code) {
    case 100:
      return { is: 'trying' };
    case 180:
      return { is: 'ringing' };
    case 181:
      return withParty({ is: 'forwarded', phrase }, party);
    case 182:
      return { is: 'queued', place: null, ahead: null, eta: null };
    default:
      return undefined;
  }
}

function withParty<T extends Happening>(happening: T, party: Party | undefined): T {
  return party ? { ...happening, party } : happening;
}

function partyOf(value: unknown): Party | undefined {
  if (!isObject(value)) return undefined;
  return { dn: text(value.dn), name: text(value.name), kind: value.kind === 'bot' ? 'bot' : 'agent' };
}

function fromOf(value: unknown): From {
  if (!isObject(value)) return { kind: 'system' };
  const kind = value.kind === 'customer' || value.kind === 'agent' || value.kind === 'bot' ? value.kind : 'system';
  return { kind, dn: text(value.dn), name: text(value.name) };
}

function countOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null;
}
