// Refusals in Kore's form.

import assert from 'node:assert/strict';

/** An answer that refuses, in the form that each SDK reads: never without an error in its list, and never 429. */
export function assertRefused(answer, statuses, what) {
  assert.ok(statuses.includes(answer.status), `${what}: ${answer.status} ${answer.text.slice(0, 300)}`);
  const [error] = answer.body?.errors ?? [];
  assert.equal(typeof error?.msg, 'string', `${what}: ${answer.text.slice(0, 300)}`);
  assert.ok(['string', 'number'].includes(typeof error.code), what);
}
