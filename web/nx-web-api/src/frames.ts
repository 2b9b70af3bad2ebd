// The frames of `nxchat.v1`, field for field (docs/web-chat-protocol.md). One JSON object a frame.

/** The subprotocol that the socket asks for. */
export const SUBPROTOCOL = 'nxchat.v1';

/** The most bytes of a frame, until the server says otherwise. */
export const MAX_FRAME_BYTES = 65_536;

/** The most Unicode characters of a message's text, until the server says otherwise. */
export const MAX_TEXT = 4_000;

/** Who may see a message. */
export type Send = 'BOTH' | 'AGENT' | 'CUSTOMER';

/** Who said something. */
export interface From {
  kind: 'customer' | 'agent' | 'bot' | 'system';
  dn?: string;
  name?: string;
}

/** Who answers a call. */
export interface Party {
  dn: string;
  name: string;
  kind: 'agent' | 'bot';
}

/** What is said: `text`, `file`, `links`, or a scenario's own form. Checked by `content.ts` on the way out. */
export type Content = Record<string, unknown>;

/** Where files go, and the token that lets them in. */
export interface Upload {
  url: string;
  token: string;
  expires?: string;
}

/** What the server allows. */
export interface Limits {
  msg?: number;
  file?: number;
  frame?: number;
}

/** The envelope. */
export interface Frame {
  t: string;
  i?: string;
  r?: string;
  s?: number;
  a?: number;
  c?: string;
  d?: Record<string, unknown>;
}

/** What answers an `invite` or a `resume`. */
export interface Welcome {
  sid: string;
  secret: string;
  cid: string;
  resumed: boolean;
  from?: number;
  head?: number;
  limits?: Limits;
  /** Seconds between heartbeats. */
  hb?: number;
  upload?: Upload;
  status_space?: boolean;
}

/** Types that never stand in the stream, whatever they carry. */
const BESIDE = new Set(['welcome', 'ok', 'err', 'hist', 'gap', 'hb', 'away', 'queue']);

/** The frame in `text`; `undefined` if there is none in it. */
export function parseFrame(text: unknown): Frame | undefined {
  if (typeof text !== 'string') return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (!isObject(value) || typeof value.t !== 'string') return undefined;
    return value as unknown as Frame;
  } catch {
    return undefined;
  }
}

/** The place in the stream that `frame` has; `undefined` if it has none. */
export function placeOf(frame: Frame): number | undefined {
  const { s } = frame;
  return typeof s === 'number' && Number.isSafeInteger(s) && s > 0 && !BESIDE.has(frame.t) ? s : undefined;
}

/** The first place that `frame` speaks for: a `skip` stands for a stretch in which there is nothing to show. */
export function firstPlaceOf(frame: Frame, s: number): number {
  const from = frame.t === 'skip' ? frame.d?.from : undefined;
  return typeof from === 'number' && from < s ? from : s;
}

/** Whether `value` is an object with members. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `value` if it is a text, else the empty one. */
export function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
