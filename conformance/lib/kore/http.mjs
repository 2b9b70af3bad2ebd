// Kore's HTTP routes by hand: plain fetch, and the bodies that fetch would not make.

import { request } from 'node:http';

/**
 * Bodies above this are sent once the server wants them (`Expect: 100-continue`). One that is refused unread would break
 * the connection while it is still being written, and Node would lose the answer.
 */
const ASKED_FIRST_BYTES = 32_768;

/** One server's routes, whatever their prefix. */
export class Http {
  constructor(base) {
    this.base = base;
  }

  /**
   * Any call. `body` is sent as JSON, or as it is if it is a string, bytes or a form.
   *
   * @param {string} method
   * @param {string} path as it shall stand in the request line
   * @param {{ body?: any, headers?: object, token?: string }} [options] `token` is the bearer
   * @returns {Promise<{ status: number, headers: object, text: string, body: any }>}
   */
  call(method, path, { body, headers = {}, token } = {}) {
    const isForm = body instanceof URLSearchParams;
    const raw = body === undefined || isForm || typeof body === 'string' || body instanceof Uint8Array;
    const bytes = raw ? (isForm ? String(body) : body) : JSON.stringify(body);
    const type = isForm ? 'application/x-www-form-urlencoded; charset=UTF-8' : 'application/json';
    const all = {
      ...(token ? { authorization: `bearer ${token}` } : {}),
      ...(body === undefined ? {} : { 'content-type': type }),
      ...headers,
    };
    return this.#ask(method, path, all, bytes);
  }

  /** A form of parts, well made or not. */
  multipart(method, path, { parts, boundary, token }) {
    const headers = { authorization: `bearer ${token}`, 'content-type': `multipart/form-data; boundary=${boundary}` };
    return this.#ask(method, path, headers, parts);
  }

  /** Node's own client: fetch would fold `//` in a path and refuse some of what must be sent here. */
  #ask(method, path, headers, bytes) {
    const { hostname, port } = new URL(this.base);
    const size = bytes === undefined ? 0 : Buffer.byteLength(bytes);
    const asks = size > ASKED_FIRST_BYTES;
    const framing = {
      ...(bytes === undefined ? {} : { 'content-length': size }),
      ...(asks ? { expect: '100-continue' } : {}),
    };
    return new Promise((resolve, reject) => {
      const call = request({ hostname, port, method, path, headers: { ...framing, ...headers } }, async (answer) => {
        try {
          const chunks = [];
          for await (const chunk of answer) chunks.push(chunk);
          const text = Buffer.concat(chunks).toString('utf8');
          const isJson = (answer.headers['content-type'] ?? '').includes('json');
          const body = isJson ? JSON.parse(text) : undefined;
          resolve({ status: answer.statusCode, headers: answer.headers, text, body });
          call.destroy();
        } catch (error) {
          reject(error);
        }
      });
      call.on('error', reject);
      if (asks) {
        call.once('continue', () => call.end(bytes));
        call.flushHeaders();
      } else {
        call.end(bytes);
      }
    });
  }
}

/** A form body in the way of iOS: `a[b]=c`, lists as `a[]=c`, booleans as 0 and 1. */
export function bracketed(object) {
  const form = new URLSearchParams();
  const put = (name, value) => {
    if (Array.isArray(value)) for (const item of value) put(`${name}[]`, item);
    else if (typeof value === 'object') for (const [key, item] of Object.entries(value)) put(`${name}[${key}]`, item);
    else form.append(name, typeof value === 'boolean' ? Number(value) : value);
  };
  for (const [name, value] of Object.entries(object)) put(name, value);
  return form;
}

/**
 * A multipart body as the web SDK makes it by hand: fields with a semicolon too many, files as base64 under a header that
 * names no MIME type, chunks as base64 without even that.
 *
 * @param {Record<string, string>} fields
 * @param {{ field: string, filename: string, bytes: Buffer, typed?: boolean }} [file]
 */
export function webMultipart(fields, file) {
  const boundary = `--------MultipartData0.${String(Math.random()).slice(2)}`;
  const lines = [];
  for (const [name, value] of Object.entries(fields)) {
    lines.push(`--${boundary}`, `Content-Disposition: form-data; name="${name}";`, '', value);
  }
  if (file) {
    const { field, filename, bytes, typed = true } = file;
    lines.push(`--${boundary}`, `Content-Disposition: form-data; name="${field}"; filename="${filename}"`);
    if (typed) lines.push('Content-Type: UTF-8; charset=ISO-8859-1');
    lines.push('Content-Transfer-Encoding: base64', '', bytes.toString('base64'));
  }
  // No line ends after the last boundary, either.
  lines.push(`--${boundary}--`);
  return { boundary, parts: Buffer.from(lines.join('\r\n')) };
}

/** A multipart body as Android and iOS make it: ordinary, binary. */
export function mobileMultipart(fields, file) {
  const boundary = `alamofire.boundary.${String(Math.random()).slice(2)}`;
  const pieces = Object.entries(fields).map(([name, value]) =>
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`),
  );
  if (file) {
    const { field, filename, type, bytes } = file;
    const head =
      `--${boundary}\r\nContent-Disposition: form-data; name="${field}"; filename="${filename}"\r\n` +
      `Content-Type: ${type ?? 'application/octet-stream'}\r\n\r\n`;
    pieces.push(Buffer.from(head), bytes, Buffer.from('\r\n'));
  }
  pieces.push(Buffer.from(`--${boundary}--\r\n`));
  return { boundary, parts: Buffer.concat(pieces) };
}
