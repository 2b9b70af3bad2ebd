// How events reach the page: one at a time, in their order, and never from within a call that the page is making.

import { CALLBACK_SET, type CallbackEvent } from './events';

/** How many events are kept for a page that has not registered its callback yet. */
const MAX_KEPT = 100;

/** The page's callback: it takes the JSON of an event. */
export type Callback = (jsonString: string) => void;

/** Tells the page's callback of events. */
export class Bell {
  private callback: Callback | undefined;
  private waiting: CallbackEvent[] = [];
  private inCall = 0;
  private later = false;

  /** Registers the page's callback, which is told so before this returns. */
  register(callback: Callback): void {
    this.callback = callback;
    this.ring(CALLBACK_SET);
    if (this.waiting.length > 0) this.soon();
  }

  /** Runs a function that the page has called: what comes about in it is told after it has returned. */
  during<T>(run: () => T): T {
    this.inCall += 1;
    try {
      return run();
    } finally {
      this.inCall -= 1;
    }
  }

  /** Tells of an event. */
  tell(event: CallbackEvent): void {
    if (this.inCall === 0 && !this.later && this.callback) return this.ring(event);
    this.waiting.push(event);
    if (this.callback) this.soon();
    else if (this.waiting.length > MAX_KEPT) this.waiting.shift();
  }

  private soon(): void {
    if (this.later) return;
    this.later = true;
    setTimeout(() => {
      this.later = false;
      for (const event of this.waiting.splice(0)) this.ring(event);
    }, 0);
  }

  /** A page's mistake ends neither the chat nor the events after it. */
  private ring(event: CallbackEvent): void {
    try {
      this.callback?.(JSON.stringify(event));
    } catch (error) {
      console.error('nxWebApi: the callback failed', error);
    }
  }
}
