// The conversation as the page shows it. Pure: every change makes a new list.

import { type Content, type From, type Message, type Party, type PartyChange, isObject } from 'nx-web-api';

/** How far a line of the customer's own has come. */
export type State = 'uploading' | 'sending' | 'sent' | 'failed';

/** Something that was said. */
export interface Said {
  is: 'said';
  key: string;
  own: boolean;
  from: From;
  content: Content;
  /** RFC 3339; empty until the server has said when. */
  at: string;
  /** Its place in the chat; 0 until it is known. */
  s: number;
  state: State;
  /** Why it failed. */
  code?: string;
  /** The file on its way, and how much of it is there (0 to 1). */
  upload?: { file: File; share: number; preview?: string };
}

/** Something that came about. */
export interface Notice {
  is: 'notice';
  key: string;
  what: PartyChange | 'forwarded';
  name: string;
}

export type Line = Said | Notice;

/** Puts in a message of the chat: in place of its unsent line if there is one, else where its place is. */
export function withMessage(lines: readonly Line[], message: Message): Line[] {
  const { own, from, at, s, replaces } = message;
  const key = message.mid || `s${s}`;
  const known = lines.find((line) => line.key === key);
  if (known?.is === 'said' && known.s > 0) return [...lines];
  const others = lines.filter((line) => line !== known && !(replaces > 0 && line.is === 'said' && line.s === replaces));
  const fresh = [message.content, ...message.more].map((content, n): Said => {
    return { is: 'said', key: n > 0 ? `${key} ${n}` : key, own, from, content, at, s, state: 'sent' };
  });
  // Behind everything that is before it, and before what is not sent yet.
  let place = others.length;
  while (place > 0 && isAfter(others[place - 1] as Line, s)) place -= 1;
  return [...others.slice(0, place), ...fresh, ...others.slice(place)];
}

/** The place of an own message is known. */
export function withPlace(lines: readonly Line[], key: string, s: number): Line[] {
  return lines.map((line) => (line.is === 'said' && line.key === key ? { ...line, s } : line));
}

/** Adds a line at the end. */
export function withUnsent(lines: readonly Line[], key: string, content: Content, state: State = 'sending'): Line[] {
  return [...lines, { is: 'said', key, own: true, from: { kind: 'customer' }, content, at: '', s: 0, state }];
}

/** Changes a line of the customer's own. */
export function withChange(lines: readonly Line[], key: string, change: Partial<Said>): Line[] {
  return lines.map((line) => (line.is === 'said' && line.key === key ? { ...line, ...change } : line));
}

export function without(lines: readonly Line[], key: string): Line[] {
  return lines.filter((line) => line.key !== key);
}

/** Puts what was said before in front; what is there already stays where it is. */
export function withHistory(lines: readonly Line[], messages: readonly Message[]): Line[] {
  const known = new Set(lines.map(({ key }) => key));
  const fresh = messages.filter(({ mid, s }) => !known.has(mid || `s${s}`));
  return [...fresh.reduce<Line[]>(withMessage, []), ...lines];
}

/** Adds a notice, before what is not sent yet. */
export function withNotice(lines: readonly Line[], what: Notice['what'], party: Party | undefined): Line[] {
  const notices = lines.filter(({ is }) => is === 'notice').length;
  const line: Notice = { is: 'notice', key: `notice ${notices}`, what, name: party?.name ?? '' };
  const unsent = lines.findIndex((other) => other.is === 'said' && other.state !== 'sent');
  return unsent < 0 ? [...lines, line] : [...lines.slice(0, unsent), line, ...lines.slice(unsent)];
}

/** The number of messages of others after the place `s`. */
export function unreadAfter(lines: readonly Line[], s: number): number {
  return lines.filter((line) => line.is === 'said' && !line.own && line.s > s).length;
}

/** What a message says in words, for the saved conversation and for those who hear it. */
export function wordsOf(content: Content): string {
  if (content.TYPE === 'SCENARIO') {
    const step = isObject(content.MESSAGE) ? content.MESSAGE : {};
    return [step.TITLE, step.DESC].filter((part) => typeof part === 'string' && part).join('\n') || text(step.KEYWORD);
  }
  const files = listOf(content.file_data).map(({ name }) => text(name));
  const links = listOf(content.links).map(({ name }) => `[${text(name)}]`);
  return [text(content.message), ...files, links.join(' ')].filter(Boolean).join('\n');
}

/** The objects of a list that came from elsewhere. */
export function listOf(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** `value` if it is a text, else the empty one. */
export function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function isAfter(line: Line, s: number): boolean {
  if (line.is === 'notice') return false;
  return line.state !== 'sent' || (s > 0 && line.s > s);
}
