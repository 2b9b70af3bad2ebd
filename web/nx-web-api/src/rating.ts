// The customer's rating of a call. It may come when the call is over and its link is gone: it then has a link of its own.

import { LINK_LOST, type Link } from './link';

/** How often it is tried to say it. */
const TRIES = 3;

interface Pending {
  score: number;
  comment: string;
  tries: number;
  done: () => void;
  failed: (error: Error) => void;
}

/** The rating of one call: none, or one that is on its way. */
export class Rating {
  private pending: Pending | undefined;

  constructor(
    private readonly link: Link,
    private readonly settled: () => void,
  ) {}

  /** Whether there is one on its way. */
  get waits(): boolean {
    return this.pending !== undefined;
  }

  /** Rates from 1 to 5. Fails with the server's code. */
  begin(score: number, comment: string): Promise<void> {
    return new Promise((done, failed) => {
      this.pending = { score, comment, tries: 0, done, failed };
      if (this.link.up) this.send();
      else if (this.link.down) this.link.open();
    });
  }

  /** Says it; to be called as soon as there is a link. */
  send(): void {
    if (!this.pending) return;
    const { score, comment } = this.pending;
    this.link.request('csat', comment ? { score, text: comment } : { score }).then(
      () => this.settle(),
      (error: Error) => error.message === LINK_LOST || this.settle(error.message),
    );
  }

  /** The link is lost. */
  lost(): void {
    if (this.pending && ++this.pending.tries >= TRIES) this.settle('internal');
  }

  settle(failure?: string): void {
    const { pending } = this;
    this.pending = undefined;
    this.settled();
    if (failure === undefined) pending?.done();
    else pending?.failed(new Error(failure));
  }
}
