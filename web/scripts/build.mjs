// Builds every page and the script into dist/, and puts the compressed forms beside each file: they are sent as they are.

import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

import { build } from 'vite';

const HOME = join(import.meta.dirname, '..');
const DIST = join(HOME, 'dist');
const PARTS = ['nx-web-api', 'webchat', 'agent'];
/** What grows smaller by being compressed. */
const TEXT = /\.(?:html|js|css|svg)$/;

mkdirSync(DIST, { recursive: true });
for (const name of readdirSync(DIST)) {
  if (name !== '.gitignore') rmSync(join(DIST, name), { recursive: true });
}
for (const part of PARTS) {
  const root = join(HOME, part);
  process.chdir(root);
  const checks = { pluginTimings: false };
  await build({ root, configFile: join(root, 'vite.config.ts'), logLevel: 'warn', build: { rolldownOptions: { checks } } });
}

copyFileSync(join(HOME, 'nx-web-api', 'nxWebApi.d.ts'), join(DIST, 'nxWebApi.d.ts'));

for (const name of readdirSync(DIST, { recursive: true })) {
  if (!TEXT.test(name)) continue;
  const path = join(DIST, name);
  const plain = readFileSync(path);
  const brotli = brotliCompressSync(plain, {
    params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY, [constants.BROTLI_PARAM_SIZE_HINT]: plain.length },
  });
  for (const [end, packed] of [['.br', brotli], ['.gz', gzipSync(plain, { level: 9 })]]) {
    if (packed.length < plain.length) writeFileSync(path + end, packed);
  }
}
