// What a session is given of the world, so that it can be played through without a browser.

import type { Content, Send } from './frames';
import type { Happening } from './happening';

/** Ends a timer. */
export type Cancel = () => void;

/** The world of one session. */
export interface Ports {
  /** Opens a socket. What becomes of it is told to `opened`, `received` and `closed`. */
  open(): void;
  /** Sends on the socket that is open. */
  send(frame: string): void;
  /** Closes the socket, if there is one. Nothing more is told of it. */
  close(code: number): void;
  /** A clock that only goes forward, in milliseconds. */
  now(): number;
  /** Runs `what` once, after so many milliseconds. */
  after(ms: number, what: () => void): Cancel;
  /** A number of [0, 1). */
  random(): number;
  /** So many characters that nobody guesses. */
  token(length: number): string;
  /** Tells the page. */
  tell(happening: Happening): void;
  /** Keeps what a reload of the page is to find; `undefined` to forget it. */
  keep(kept: Kept | undefined): void;
}

/** Whom to call, and as whom. */
export interface Call {
  realm: string;
  dn: string;
  tel: string;
  /** Signed by the site's own server: who the customer is. */
  token?: string;
  /** The customer's language, as a BCP 47 tag. */
  lang?: string;
  /** What agents are shown of the page. */
  page?: { url?: string; title?: string; ua?: string };
  /** Said as soon as the call is there. */
  first?: Content;
}

/** A message that the server has not confirmed. */
export interface Unsent {
  mid: string;
  content: Content;
  send: Send;
}

/** What a session needs to go on after the page was loaded anew. */
export interface Kept {
  sid: string;
  secret: string;
  cid: string;
  last: number;
  tried: boolean;
  rang: boolean;
  answered: boolean;
  virtualAgent: string;
  outbox: Unsent[];
}
