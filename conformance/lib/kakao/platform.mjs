// KakaoTalk as a partner's server saw it: the five calls of the auto reply API, each given up after the platform's five seconds.

/** How long the platform waited for a whole answer. */
export const PLATFORM_PATIENCE_MS = 5_000;

export class Platform {
  /** @param {string} base the address that was registered: without `/keyboard` */
  constructor(base) {
    this.base = base;
  }

  /** Any call. `body` is sent as it is if it is a text or bytes. */
  async call(method, path, body, headers = {}) {
    const raw = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
    const answer = await fetch(`${this.base}${path}`, {
      method,
      body: raw ? body : JSON.stringify(body),
      headers: { 'Content-Type': 'application/json; charset=utf-8', ...headers },
      signal: AbortSignal.timeout(PLATFORM_PATIENCE_MS),
    });
    const text = await answer.text();
    return { status: answer.status, type: answer.headers.get('content-type'), text, body: text && JSON.parse(text) };
  }

  keyboard() {
    return this.call('GET', '/keyboard');
  }

  /** What a user is shown for what they say. As the platform did, it takes 200 alone. */
  async says(key, content, type = 'text') {
    const answer = await this.call('POST', '/message', { user_key: key, type, content });
    if (answer.status !== 200) throw new Error(`the user was told of an outage: ${answer.status} ${answer.text}`);
    return answer.body;
  }

  befriends(key) {
    return this.call('POST', '/friend', { user_key: key });
  }

  blocks(key) {
    return this.call('DELETE', `/friend/${key}`);
  }

  leaves(key) {
    return this.call('DELETE', `/chat_room/${key}`);
  }
}
