// Runs the suites: `node run.mjs [SUITE …]`, all but the battery without a name. What cannot run has failed: nothing is
// skipped.

import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

import { HOME, OUT, maruBinary } from './lib/paths.mjs';
import { SUITES } from './suites/suites.mjs';

/** After so many times its suite's budget, a file that has not ended has failed. */
const PATIENCE = 4;

// Whoever ends this run ends the tests, which take what they started with them.
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    interrupted.abort();
    process.exitCode = 1;
  });
}

const seconds = (milliseconds) => `${Math.round(milliseconds / 1000)} s`;

/** Runs one suite to its end: how many tests passed and failed, and how long it took. */
async function runSuite(name) {
  const folder = join(HOME, 'suites', name);
  const files = readdirSync(folder).filter((file) => file.endsWith('.test.mjs')).map((file) => join(folder, file));
  let passed = 0;
  let failed = 0;
  const begin = performance.now();
  const { filesAtOnce = 2, budgetSeconds } = SUITES[name];
  const timeout = budgetSeconds * 1000 * PATIENCE;
  const events = run({ files, concurrency: filesAtOnce, timeout, signal: interrupted.signal });
  events.on('test:pass', ({ details, name: test, skip, todo }) => {
    if (details.type === 'suite') return;
    // A file is told as a test only when there was no test in it.
    if (skip !== undefined || todo !== undefined || files.includes(test)) failed += 1;
    else passed += 1;
  });
  events.on('test:fail', ({ details }) => {
    // A group fails with its tests, which are counted; by itself only when it could not be set up or cleared away.
    if (details.type !== 'suite' || details.error?.failureType !== 'subtestsFailed') failed += 1;
  });
  await new Promise((resolve, reject) => {
    events.once('error', reject);
    events.compose(spec).once('end', resolve).pipe(process.stdout, { end: false });
  });
  return { name, passed, failed, tookMs: performance.now() - begin };
}

function report({ name, passed, failed, tookMs }) {
  const { budgetSeconds } = SUITES[name];
  const over = tookMs > budgetSeconds * 1000 ? ', OVER BUDGET' : '';
  console.log(`${name}: ${passed} passed, ${failed} failed, ${seconds(tookMs)} of ${budgetSeconds} s${over}`);
}

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !Object.hasOwn(SUITES, name));
if (unknown.length > 0) {
  console.error(`no suite ${unknown.join(', ')}; there are: ${Object.keys(SUITES).join(', ')}`);
  process.exit(2);
}
try {
  console.log(`maru: ${maruBinary()}`);
} catch (error) {
  console.error(error.message);
  process.exit(2);
}

rmSync(OUT, { recursive: true, force: true });
const results = [];
const usual = Object.keys(SUITES).filter((name) => !SUITES[name].byName);
for (const name of asked.length > 0 ? asked : usual) {
  if (interrupted.signal.aborted) break;
  console.log(`\n# ${name}\n`);
  results.push(await runSuite(name));
}

console.log('');
results.forEach(report);
const passed = results.reduce((sum, result) => sum + result.passed, 0);
const failed = results.reduce((sum, result) => sum + result.failed, 0);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 || interrupted.signal.aborted ? 1 : 0;
