// Files, as each generation sends them: in bodies that the web SDK makes by hand and no strict reader takes, in one piece
// or in chunks. What counts is that the bot gets the very bytes, and that the file can be read by nobody else.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';

import { mobileMultipart, webMultipart } from '../../lib/kore/http.mjs';
import { koreStage } from '../../lib/kore/stage.mjs';

const play = koreStage({ bot: 'js-botbuilder' });

const MIB = 1_048_576;
const hash = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** The fields that every web SDK sends with a file. */
const fields = (name) => ({
  fileExtension: name.split('.').pop(),
  fileContext: 'workflows',
  thumbnailUpload: 'false',
  filename: name,
});

/** A form sent to a path. */
const upload = (user, path, form, method = 'POST') =>
  play.app.http.multipart(method, path, { ...form, token: user.token });

/** A token for an upload. */
async function fileToken(user, prefix) {
  const answer = await play.app.http.call('POST', `${prefix}/file/token`, { token: user.token });
  assert.equal(answer.status, 200, answer.text);
  // Android throws without a text here.
  assert.equal(typeof answer.body.expiresOn, 'string');
  return answer.body.fileToken;
}

/** Says that the file is there, and waits until the bot has read it. */
async function reaches(user, { fileId, fileUrl }, name, bytes, type = 'attachment') {
  assert.ok(fileId, 'the upload gave no id');
  const socket = await play.connect(user, { query: '&ConnectionMode=Default' });
  const file = {
    fileId,
    fileName: name,
    fileType: type,
    ...(fileUrl ? { fileUrl, size: bytes.length / MIB, uniqueId: 'u1' } : {}),
  };
  // Without a text: the web SDK then sends no body at all.
  await socket.say({ attachments: [file] });
  await socket.heard(`got 1 files: ${name}:${bytes.length}`);
}

/** The address of a file, as version 3 asks for it. */
async function fileUrl(user, fileId) {
  const path = `/api/attachment/v2/stream/${play.app.botId}/file/${fileId}/url`;
  const answer = await play.app.http.call('GET', path, { token: user.token });
  assert.equal(answer.status, 200, answer.text);
  return answer.body.fileUrl;
}

describe('in one piece', () => {
  const PREFIXES = {
    'versions 1 and 2': '/api/1.1/attachment',
    'version 3, several files': '/api/attachment',
    'version 3, one file: a double slash': '/api//attachment',
  };
  for (const [which, prefix] of Object.entries(PREFIXES)) {
    test(`${which}: base64 in a form of its own making`, async () => {
      const user = await play.app.user();
      const bytes = randomBytes(70_000);
      await fileToken(user, prefix);
      const file = { field: 'file', filename: '마루 note.txt', bytes };
      const sent = await upload(user, `${prefix}/file`, webMultipart(fields('마루 note.txt'), file));
      assert.equal(sent.status, 200, sent.text);
      const url = await fileUrl(user, sent.body.fileId);
      const got = await fetch(url);
      assert.equal(hash(Buffer.from(await got.arrayBuffer())), hash(bytes));
      assert.equal(got.headers.get('x-content-type-options'), 'nosniff');
      assert.match(got.headers.get('content-disposition'), /^attachment/);
      await reaches(user, { ...sent.body, fileUrl: url }, '마루 note.txt', bytes);
    });
  }

  test('iOS: an ordinary form', async () => {
    const user = await play.app.user();
    const bytes = randomBytes(50_000);
    const form = mobileMultipart(fields('photo.png'), {
      field: 'file',
      filename: 'photo.png',
      type: 'image/png',
      bytes,
    });
    const sent = await upload(user, '/api/1.1/attachment/file', form);
    assert.equal(sent.status, 200, sent.text);
    await reaches(user, sent.body, 'photo.png', bytes, 'image');
  });

  test('the web SDK repeats all it ever sent on a page: the last of each name counts', async () => {
    const user = await play.app.user();
    const [before, now] = [Buffer.from('of before'), randomBytes(3_000)];
    const first = webMultipart(fields('before.txt'), { field: 'file', filename: 'before.txt', bytes: before });
    const second = webMultipart(fields('now.txt'), { field: 'file', filename: 'now.txt', bytes: now });
    // The parts of the first, without its end, and those of the second, all with one boundary.
    const head = first.parts.toString('latin1').replaceAll(first.boundary, second.boundary).replace(/--$/, '\r\n');
    const whole = head.slice(0, head.lastIndexOf(`--${second.boundary}`)) + second.parts.toString('latin1');
    const form = { boundary: second.boundary, parts: Buffer.from(whole, 'latin1') };
    const sent = await upload(user, '/api/1.1/attachment/file', form);
    assert.equal(sent.status, 200, sent.text);
    await reaches(user, sent.body, 'now.txt', now);
  });
});

describe('in chunks', () => {
  const bytes = randomBytes(2 * MIB + 345_678);
  const slices = [0, 1, 2].map((number) => bytes.subarray(number * MIB, (number + 1) * MIB));

  for (const prefix of ['/api/1.1/attachment', '/api/attachment', '/api//attachment']) {
    test(`the web SDK at ${prefix}: the path's token and the message's differ`, async () => {
      const user = await play.app.user();
      const token = await fileToken(user, prefix);
      const messageToken = await fileToken(user, prefix);
      assert.notEqual(token, messageToken);
      for (const [number, slice] of slices.entries()) {
        const form = webMultipart(
          { chunkNo: String(number), messageToken },
          {
            field: 'chunk',
            filename: 'big.bin',
            bytes: slice,
            typed: false,
          },
        );
        const sent = await upload(user, `${prefix}/file/${token}/chunk`, form);
        assert.equal(sent.status, 200, sent.text);
      }
      const form = webMultipart({ totalChunks: '3', messageToken, ...fields('big.dat') });
      const merged = await upload(user, `${prefix}/file/${token}`, form, 'PUT');
      assert.equal(merged.status, 200, merged.text);
      const got = await fetch(await fileUrl(user, merged.body.fileId));
      assert.equal(hash(Buffer.from(await got.arrayBuffer())), hash(bytes));
      await reaches(user, merged.body, 'big.dat', bytes);
    });
  }

  test('the web SDK sends the chunks before again with each chunk', async () => {
    const user = await play.app.user();
    const token = await fileToken(user, '/api/1.1/attachment');
    let parts = '';
    for (const [number, slice] of slices.entries()) {
      const form = webMultipart(
        { chunkNo: String(number), messageToken: token },
        {
          field: 'chunk',
          filename: 'big.dat',
          bytes: slice,
          typed: false,
        },
      );
      const own = form.parts.toString('latin1').replaceAll(form.boundary, 'BOUNDARY');
      parts += own.slice(0, -'--BOUNDARY--'.length);
      const body = `${parts}--BOUNDARY--`.replaceAll('BOUNDARY', form.boundary);
      const all = { boundary: form.boundary, parts: Buffer.from(body, 'latin1') };
      const sent = await upload(user, `/api/1.1/attachment/file/${token}/chunk`, all);
      assert.equal(sent.status, 200, sent.text);
    }
    const form = webMultipart({ totalChunks: '3', messageToken: token, ...fields('big.dat') });
    const merged = await upload(user, `/api/1.1/attachment/file/${token}`, form, 'PUT');
    assert.equal(merged.status, 200, merged.text);
    const got = await fetch(await fileUrl(user, merged.body.fileId));
    assert.equal(hash(Buffer.from(await got.arrayBuffer())), hash(bytes));
  });

  test('Android: paths of the user, and the number of a chunk as a text in the reply', async () => {
    const user = await play.app.user();
    const token = await fileToken(user, '/api/1.1/attachment');
    for (const [number, slice] of slices.entries()) {
      const form = mobileMultipart(
        { chunkNo: number, fileToken: token },
        { field: 'chunk', filename: 'big.mp4', bytes: slice },
      );
      const sent = await upload(user, `/api/1.1/users/${user.id}/file/${token}/chunk`, form);
      assert.equal(sent.status, 200, sent.text);
      assert.equal(sent.body.chunkNo, String(number));
    }
    const form = mobileMultipart({ totalChunks: 3, messageToken: token, ...fields('big.mp4') });
    const merged = await upload(user, `/api/1.1/users/${user.id}/file/${token}`, form, 'PUT');
    assert.equal(merged.status, 200, merged.text);
    await reaches(user, merged.body, 'big.mp4', bytes, 'video');
  });

  test('a missing chunk is not made up for', async () => {
    const user = await play.app.user();
    const token = await fileToken(user, '/api/1.1/attachment');
    const form = webMultipart(
      { chunkNo: '0', messageToken: token },
      { field: 'chunk', filename: 'a.dat', bytes: slices[0], typed: false },
    );
    assert.equal((await upload(user, `/api/1.1/attachment/file/${token}/chunk`, form)).status, 200);
    const merged = await upload(
      user,
      `/api/1.1/attachment/file/${token}`,
      webMultipart({ totalChunks: '2', ...fields('a.dat') }),
      'PUT',
    );
    assert.equal(merged.status, 400, merged.text);
    assert.ok(merged.body.errors[0].msg);
  });
});

describe('whose it is', () => {
  test("a file of another realm's app or of nobody is unknown, and so is its link without its ticket", async () => {
    const user = await play.app.user();
    const bytes = Buffer.from('mine');
    const form = webMultipart(fields('mine.txt'), { field: 'file', filename: 'mine.txt', bytes });
    const { body } = await upload(user, '/api/1.1/attachment/file', form);
    const url = await fileUrl(user, body.fileId);
    assert.equal((await fetch(url)).status, 200);
    for (const broken of [
      url.replace(/[^/]+(?=\/[^/]+$)/, 'eyJhbGciOiJIUzI1NiJ9.e30.x'),
      url.replace(/content\/./, 'content/_'),
    ]) {
      const refused = await fetch(broken);
      assert.ok([401, 403, 404].includes(refused.status), `${broken}: ${refused.status}`);
    }
    const socket = await play.connect(user);
    await socket.say({
      body: 'nothing there',
      attachments: [{ fileId: 'f-of-nobody', fileName: 'x.txt', fileType: 'attachment' }],
    });
    await socket.heard((frame) => JSON.stringify(frame).includes('nothing there'));
  });

  test('without a token, and with one that is gone: 401 in the form that has the SDK ask for a new one', async () => {
    const form = webMultipart(fields('a.txt'), { field: 'file', filename: 'a.txt', bytes: Buffer.from('a') });
    for (const path of [
      '/api/1.1/attachment/file/token',
      '/api/1.1/attachment/file',
      '/api/attachment/file/token/chunk',
    ]) {
      const refused = await upload({ token: 'gone' }, path, form);
      assert.equal(refused.status, 401, path);
      assert.equal(refused.body.errors[0].httpStatus, '401', 'a text: the SDK compares it with one');
    }
  });

  test('a name cannot lead out of anywhere, and markup is not shown in a browser', async () => {
    const user = await play.app.user();
    for (const name of [
      '../../etc/passwd',
      '..\\..\\boot.ini',
      '/etc/shadow',
      'a\u0000b.html',
      '%2e%2e%2fx.svg',
      'x.html',
    ]) {
      const bytes = Buffer.from('<script>alert(1)</script>');
      const form = webMultipart(fields(name), { field: 'file', filename: name.replace(/["\u0000]/g, ''), bytes });
      const sent = await upload(user, '/api/attachment/file', form);
      assert.equal(sent.status, 200, `${name}: ${sent.text}`);
      const got = await fetch(await fileUrl(user, sent.body.fileId));
      assert.equal(got.status, 200, name);
      const disposition = got.headers.get('content-disposition');
      assert.match(disposition, /^attachment/, name);
      assert.ok(!/\.\.[/\\]|[/\\]etc/.test(disposition), disposition);
      assert.ok(!/html|svg|xml/.test(got.headers.get('content-type')), got.headers.get('content-type'));
      assert.equal(got.headers.get('x-content-type-options'), 'nosniff');
    }
  });
});
