// Waiting for things to happen. A timeout here is a failure with a name; nothing ever asserts how fast something was.

import { setTimeout as sleep } from 'node:timers/promises';

export { sleep };

/** How long a thing that needs no clock of its own (a reply, a frame, a start) may take before a test gives up. */
export const PATIENCE_MS = 20_000;

/**
 * Calls `probe` until it gives something truthy, and returns that.
 *
 * @param {string} what names the thing waited for, in the failure
 * @param {() => any} probe may be async; what it throws is taken as "not yet" and told in the failure
 * @param {{ timeoutMs?: number, everyMs?: number, shown?: () => any }} [options] `shown` adds what was there instead
 */
export async function until(what, probe, { timeoutMs = PATIENCE_MS, everyMs = 20, shown } = {}) {
  const deadline = performance.now() + timeoutMs;
  let problem;
  do {
    try {
      const value = await probe();
      if (value) return value;
      problem = undefined;
    } catch (error) {
      problem = error;
    }
    await sleep(everyMs);
  } while (performance.now() < deadline);
  const seen = shown ? `; instead: ${JSON.stringify(shown(), null, 1)}` : '';
  throw new Error(`waited ${timeoutMs} ms for ${what}${seen}`, { cause: problem });
}
