// Files to upload. A browser's client reads what it uploads from blob: addresses; in Node they stand on a small server.

import { createServer } from 'node:http';
import { crc32, deflateSync } from 'node:zlib';

/** Serves `files` on the loopback interface, and adds to each the `contentUrl` where it stands. */
export async function serveFiles(files) {
  const server = createServer((request, response) => {
    const file = files[Number(request.url.slice(1))];
    response.writeHead(file ? 200 : 404, { 'Content-Type': file?.contentType ?? 'text/plain' });
    response.end(file?.bytes);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${server.address().port}`;
  return {
    attachments: files.map(({ name, contentType }, index) => ({ name, contentType, contentUrl: `${base}/${index}` })),
    close: () => server.close(),
  };
}

function chunk(type, content) {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  const body = Buffer.concat([Buffer.from(type, 'latin1'), content]);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** A real PNG, `size` pixels square, each pixel as `color(x, y)` says: `[red, green, blue]`. */
export function png(size, color) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const rows = [];
  for (let y = 0; y < size; y++) {
    // Each row begins with the number of its filter: none.
    rows.push(0);
    for (let x = 0; x < size; x++) rows.push(...color(x, y));
  }
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.from(rows))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
