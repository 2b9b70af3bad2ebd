// What the page's inside is given of the world, so that it can be played through without a browser.

/** Ends a timer. */
export type Cancel = () => void;

export interface Ports {
  /** Opens a socket. What becomes of it is told to `opened`, `received` and `closed` of the link. */
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
}
