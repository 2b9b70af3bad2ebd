// A stretch of the stream that is fetched page by page, newest page first.

import { type Frame, placeOf } from './frames';
import type { Link } from './link';

/** How many frames are asked for at once. */
const PAGE = 100;

/** Frames of the places `from` to `to`, and those that came after them meanwhile. */
export class Filling {
  private pages: Frame[][] = [];
  private held: Frame[] = [];

  constructor(
    private readonly from: number,
    /** The last of them. */
    readonly to: number,
  ) {}

  /** Keeps a frame that came by the stream until those before it are here. */
  hold(frame: Frame): void {
    this.held.push(frame);
  }

  /** Fetches all pages. Fails when the link is lost. */
  async fetch(link: Link): Promise<void> {
    let before = this.to + 1;
    for (;;) {
      const { events, from, more } = pageOf(await link.request('hist', { before, n: PAGE }));
      this.pages.unshift(events);
      if (!more || from <= this.from || from >= before) return;
      before = from;
    }
  }

  /** All of them, in their order. */
  frames(): Frame[] {
    return ([] as Frame[]).concat(...this.pages, this.held);
  }
}

/** The frames of a page of the history, the place it begins at, and whether there is something before it. */
export function pageOf(d: Record<string, unknown>): { events: Frame[]; from: number; more: boolean } {
  const events = Array.isArray(d.events) ? (d.events as Frame[]) : [];
  const from = typeof d.from === 'number' ? d.from : (events[0] && placeOf(events[0])) || 1;
  return { events, from, more: d.more === true && from > 1 };
}
