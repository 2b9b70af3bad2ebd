// How long to wait before the next try of a link.

const STEPS_MS = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000];
const JITTER = 0.3;

/** The wait before try number `tries` (from 0), in milliseconds, spread so that many pages do not come back at once. */
export function backoff(tries: number, random: number): number {
  const step = STEPS_MS[Math.min(tries, STEPS_MS.length - 1)] as number;
  return Math.round(step * (1 - JITTER + 2 * JITTER * random));
}
