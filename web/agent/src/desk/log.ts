// One chat's log, as far as this page has it.

import type { Content, Entry } from './wire';

/** Something that was said here and is not confirmed. */
export interface Unsent {
  mid: string;
  note: boolean;
  content: Content;
  /** Why the server did not take it; `undefined` while it is on its way. */
  refused?: string;
}

/** A log. A value: what changes it gives another one. */
export interface Log {
  /** In the order of the log. */
  readonly entries: readonly Entry[];
  /** The seq from which on nothing is here. */
  readonly next: number;
  /** Whether there may be older entries at the server. */
  readonly older: boolean;
  readonly unsent: readonly Unsent[];
  /** How many messages of the customer came while the agent looked elsewhere. */
  readonly unread: number;
  /** The customer's number (`s`) up to which they have seen what was said. */
  readonly seen: number;
}

export const EMPTY: Log = { entries: [], next: 0, older: true, unsent: [], unread: 0, seen: 0 };

/** The log with one more entry, or with one that has become another. */
export function withEntry(log: Log, entry: Entry, looked: boolean): Log {
  const next = Math.max(log.next, entry.seq + 1);
  const unsent = entry.mid === undefined ? log.unsent : log.unsent.filter(({ mid }) => mid !== entry.mid);
  const at = log.entries.findLastIndex(({ id }) => id === entry.id);
  if (at >= 0) {
    const before = log.entries[at] as Entry;
    // What it has become stands where it stood.
    const become = { ...entry, seq: before.seq, at: before.at, from: entry.kind === 'deleted' ? before.from : entry.from };
    return { ...log, next, unsent, entries: log.entries.with(at, become) };
  }
  if (entry.kind === 'deleted' || log.entries.some(({ seq }) => seq === entry.seq)) return { ...log, next, unsent };
  const after = log.entries.findLastIndex(({ seq }) => seq < entry.seq);
  const entries = log.entries.toSpliced(after + 1, 0, entry);
  const isNews = !looked && entry.kind === 'message' && entry.from.kind === 'customer';
  return { ...log, next, unsent, entries, unread: log.unread + (isNews ? 1 : 0) };
}

/** The log with a page of older entries before it. */
export function withOlder(log: Log, entries: readonly Entry[], more: boolean): Log {
  const first = log.entries[0]?.seq ?? Infinity;
  const older = entries.filter(({ seq }) => seq < first);
  const next = Math.max(log.next, ...older.map(({ seq }) => seq + 1));
  return { ...log, next, entries: [...older, ...log.entries], older: more };
}

/** The place of the last that the customer said or was told. */
export function lastSeen(log: Log): number | undefined {
  return log.entries.findLast(({ s }) => s !== undefined)?.s;
}
