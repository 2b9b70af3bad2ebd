// Messages on their way: what was said and not yet confirmed, in the order in which it was said.

import type { Send } from './frames';
import type { Message } from './happening';
import type { Unsent } from './ports';

/** The most messages that wait for their confirmation. */
export const MAX_UNSENT = 50;

/** How many confirmed messages are remembered until their copy comes by the stream. */
const MAX_SETTLED = 200;

/** The outbox of one chat. A message is confirmed by the server's `ok` or by its copy in the stream, whichever comes first. */
export class Outbox {
  private settled: string[] = [];

  constructor(private waiting: Unsent[] = []) {}

  /** What waits, oldest first. */
  get all(): readonly Unsent[] {
    return this.waiting;
  }

  get full(): boolean {
    return this.waiting.length >= MAX_UNSENT;
  }

  has(mid: string): boolean {
    return this.waiting.some((message) => message.mid === mid);
  }

  add(message: Unsent): void {
    this.waiting.push(message);
  }

  /** Takes a message out that the server has; `undefined` if its copy was here before. */
  confirmed(mid: string): Unsent | undefined {
    const message = this.take(mid);
    if (message) {
      this.settled.push(mid);
      if (this.settled.length > MAX_SETTLED) this.settled.shift();
    }
    return message;
  }

  /** Takes a message out that the server refused. */
  refused(mid: string): Unsent | undefined {
    return this.take(mid);
  }

  /** Notes the copy that came by the stream: whether it is the first that is known of this message. */
  arrived(copy: Message): boolean {
    const at = this.settled.indexOf(copy.mid);
    if (at >= 0) {
      this.settled.splice(at, 1);
      return false;
    }
    this.take(copy.mid);
    return true;
  }

  private take(mid: string): Unsent | undefined {
    const at = this.waiting.findIndex((message) => message.mid === mid);
    return at < 0 ? undefined : this.waiting.splice(at, 1)[0];
  }
}

/** The body of the frame that sends a message. */
export function messageBody({ mid, send, content }: Unsent): { mid: string; send: Send; content: Unsent['content'] } {
  return { mid, send, content };
}
