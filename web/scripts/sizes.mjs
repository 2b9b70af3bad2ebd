// What a page may weigh when it is first loaded, by gzip. A page that outgrows its budget fails the build.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const DIST = join(import.meta.dirname, '..', 'dist');
const KB = 1_000;
const BUDGETS = { 'nxWebApi.js': 12 * KB, webchat: 40 * KB, agent: 120 * KB };
/** Loaded with a page; pictures and sounds are not. */
const LOADED = /\.(?:html|js|css)$/;

const weight = (path) => gzipSync(readFileSync(path), { level: 9 }).length;

function filesOf(name) {
  const path = join(DIST, name);
  if (name.endsWith('.js')) return [path];
  return readdirSync(path, { recursive: true }).filter((file) => LOADED.test(file)).map((file) => join(path, file));
}

let over = 0;
for (const [name, budget] of Object.entries(BUDGETS)) {
  if (!existsSync(join(DIST, name))) throw new Error(`dist/${name} is not there: npm run build`);
  const weighs = filesOf(name).reduce((sum, path) => sum + weight(path), 0);
  const verdict = weighs > budget ? 'OVER' : 'of';
  if (weighs > budget) over += 1;
  console.log(`${name.padEnd(12)} ${(weighs / KB).toFixed(1).padStart(6)} KB gzip ${verdict} ${budget / KB}`);
}
process.exitCode = over > 0 ? 1 : 0;
