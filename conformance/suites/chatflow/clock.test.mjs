// The five-minute rule by a real clock and a real SIGKILL, with the shortest time that a scenario may set: a minute. To the
// millisecond it is held to a given clock, see kill.test.mjs and crates/chatflow/tests/it/clock.rs.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { COFFEE, addApp, scenario } from '../../lib/chatflow/app.mjs';
import { stage } from '../../lib/stage.mjs';
import { sleep } from '../../lib/wait.mjs';

const MINUTE_MS = 60_000;

/** What the rule must bear: clocks of a loaded machine, and the time that calls take. */
const MARGIN_MS = 5_000;

describe('a minute of silence', () => {
  const play = stage();
  let app;
  before(async () => {
    const file = scenario(COFFEE.ko);
    file.meta.session_timeout_seconds = 60;
    app = await addApp(play.maru, { file });
  });

  test('goes on counting while the server is down', async () => {
    const begun = Date.now();
    for (const user of ['silent', 'talking', 'looked at']) await app.say(user, '주문하기');
    await play.maru.kill();
    await sleep(MINUTE_MS / 2);
    await play.maru.up();
    // Words keep a session alive, and so does nothing else: not a look, not a change by the caller.
    assert.equal((await app.say('talking', '카페라떼')).session.restarted, null);
    await app.state('looked at');
    await app.ask('PATCH', `/users/${encodeURIComponent('looked at')}/state`, { slot: { qty: 2 } });
    await play.maru.kill();
    await play.maru.up();
    await sleep(begun + MINUTE_MS + MARGIN_MS - Date.now());
    for (const user of ['silent', 'looked at']) {
      const { id, session, slot } = await app.say(user, '뭐라고요?');
      assert.deepEqual([id, session.restarted, session.previous_id, slot], ['start', 'timeout', 'ask_menu', {}], user);
    }
    const { id, session, slot } = await app.say('talking', '차갑게');
    assert.deepEqual([id, session.restarted], ['ask_qty', null]);
    assert.equal(slot.menu, '카페라떼');
  });
});
