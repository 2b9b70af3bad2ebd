// `make serve`, as somebody runs it who has just come: what it prints to be tried, tried.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { REPOSITORY, lunchVoteBinary, maruBinary, removeTemporary, temporaryFolder } from '../../lib/paths.mjs';
import { Child } from '../../lib/process.mjs';
import { PATIENCE_MS, until } from '../../lib/wait.mjs';

const run = promisify(execFile);

describe('make serve', () => {
  const folder = temporaryFolder('serve');
  const data = join(folder, 'data');
  const serve = () => {
    lunchVoteBinary();
    const args = ['--listen', '127.0.0.1:0', '--data', data];
    return new Child('serve', join(REPOSITORY, 'scripts', 'serve.sh'), args, {
      env: { MARU_BIN: maruBinary() },
      // The script is asked: what it started would be left behind.
      endNow: (child) => child.signal('SIGTERM'),
    });
  };
  let running;
  before(() => (running = serve()));
  after(async () => {
    await running?.stop({ patienceMs: PATIENCE_MS });
    removeTemporary(folder);
  });

  /** What is shown in a terminal where these lines are written. */
  const chat = (channel, lines, user = 'ara') =>
    new Promise((resolve, reject) => {
      const child = spawn(maruBinary(), ['chat', '--data', data, '--channel', channel, '--user', user]);
      let shown = '';
      for (const out of [child.stdout, child.stderr]) out.on('data', (chunk) => (shown += chunk));
      child.on('error', reject);
      child.on('exit', (code) => (code === 0 ? resolve(shown) : reject(new Error(`${code}: ${shown}`))));
      child.stdin.end(lines.map((line) => `${line}\n`).join(''));
    });

  test('the echo bot, the coffee order in both languages, and the lunch vote', async () => {
    await running.line(/chat --channel web-lunch --user bom/);
    assert.match(await chat('web', ['hi']), /Echo: hi/);
    assert.match(await chat('web-coffee-ko', ['주문하기', '유자차']), /어떤 음료로 드릴까요\?[^]*몇 잔 드릴까요\?/);
    assert.match(await chat('web-coffee-en', ['1', 'yuja tea']), /What would you like\?[^]*How many cups\?/);
    const made = await chat('web-lunch', ['#그룹 만들기']);
    const [code] = made.match(/[2-9A-Z]{8}/) ?? [];
    assert.ok(code, made);
    assert.match(await chat('web-lunch', ['#그룹 참여', code], 'bom'), /그룹에 들어왔습니다/);
  });

  test('it ends with everything that it began, and begins again where it was', async () => {
    const { stdout } = await run(maruBinary(), ['bot', 'show', 'lunch', '--data', data, '--json']);
    const { url } = JSON.parse(stdout).settings;
    assert.equal((await fetch(`${url}/keyboard`)).status, 200);
    const end = await running.stop({ patienceMs: PATIENCE_MS });
    assert.deepEqual(end, { code: 0, signal: null });
    await until('the lunch vote to have ended', () => fetch(`${url}/keyboard`).then(() => false, () => true));
    running = serve();
    await running.line(/chat --channel web-lunch --user bom/);
    const results = await chat('web-lunch', ['#결과 보기'], 'bom');
    assert.doesNotMatch(results, /아직 그룹이 없습니다/);
  });
});
