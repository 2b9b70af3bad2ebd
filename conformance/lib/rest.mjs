// Direct Line by hand: plain fetch, for the shapes that a client library would hide.

/** One caller with one credential (a secret or a token; none if `undefined`). */
export class Rest {
  constructor(base, credential) {
    this.base = base;
    this.credential = credential;
  }

  /**
   * Any call. `body` is sent as JSON, or as it is if it is a string, bytes or a form; `signal` gives it up.
   *
   * @returns {Promise<{ status: number, headers: Headers, body: any, text: string }>} `body` if the answer was JSON
   */
  async call(method, path, { body, headers = {}, signal } = {}) {
    const raw = body === undefined || typeof body === 'string' || body instanceof Uint8Array || body instanceof FormData;
    const answer = await fetch(`${this.base}${path}`, {
      method,
      signal,
      body: raw ? body : JSON.stringify(body),
      headers: {
        ...(this.credential ? { Authorization: `Bearer ${this.credential}` } : {}),
        ...(body !== undefined && !(body instanceof FormData) ? { 'Content-Type': 'application/json' } : {}),
        ...headers,
      },
    });
    const text = await answer.text();
    const isJson = (answer.headers.get('content-type') ?? '').includes('json');
    return { status: answer.status, headers: answer.headers, text, body: isJson ? JSON.parse(text) : undefined };
  }

  /** The same caller with another credential. */
  as(credential) {
    return new Rest(this.base, credential);
  }

  start(body) {
    return this.call('POST', '/conversations', { body });
  }

  generate(body) {
    return this.call('POST', '/tokens/generate', { body });
  }

  refresh() {
    return this.call('POST', '/tokens/refresh');
  }

  reconnect(conversation, watermark = '') {
    return this.call('GET', `/conversations/${conversation}?watermark=${watermark}`);
  }

  post(conversation, activity) {
    return this.call('POST', `/conversations/${conversation}/activities`, { body: activity });
  }

  activities(conversation, watermark) {
    const query = watermark === undefined ? '' : `?watermark=${watermark}`;
    return this.call('GET', `/conversations/${conversation}/activities${query}`);
  }

  /** The whole conversation as a client may read it, page by page until a page is empty. */
  async history(conversation) {
    const all = [];
    let watermark;
    for (;;) {
      const page = await this.activities(conversation, watermark);
      if (page.status !== 200) throw new Error(`history: ${page.status} ${page.text}`);
      if (page.body.activities.length === 0) return all;
      all.push(...page.body.activities);
      watermark = page.body.watermark;
    }
  }
}
