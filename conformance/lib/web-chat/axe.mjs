// axe-core in a page. It is run over the debugger: the page's content security policy lets no script of others in.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const SOURCE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const shown = ({ html, failureSummary }) => `${html.slice(0, 160)}: ${failureSummary}`;

/** In the page: waits for what moves or fades, unless it does so for ever. */
function comeToRest() {
  const short = document.getAnimations().filter(({ effect }) => effect.getComputedTiming().endTime < 1_000);
  return Promise.all(short.map(({ finished }) => finished.catch(() => {})));
}

/** Fails if axe finds anything in the page as it stands, in the light and in the dark. */
export async function isAccessible(page, what) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.evaluate(comeToRest);
    await page.evaluate(SOURCE);
    const { violations } = await page.evaluate(() => axe.run());
    const found = violations.map(({ id, help, nodes }) => ({ id, help, nodes: nodes.map(shown) }));
    assert.deepEqual(found, [], `${what}, ${colorScheme}`);
  }
}
