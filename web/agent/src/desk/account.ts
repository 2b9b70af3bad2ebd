// Signing in and out.

/** Who is signed in. */
export interface SignedIn {
  realm: string;
  name: string;
  displayName: string;
  roles: string[];
  dn?: string;
  endsAt: string;
}

/** Why a call was refused: the server's code, or `offline`. */
export class Denied extends Error {
  constructor(
    readonly code: string,
    /** After how many seconds it may be tried again. */
    readonly retryAfter?: number,
  ) {
    super(code);
  }
}

/** Who is signed in here; `undefined` if nobody is. */
export async function whoIsIt(): Promise<SignedIn | undefined> {
  try {
    return (await call('GET', 'api/session')) as SignedIn;
  } catch (error) {
    if (error instanceof Denied && error.code === 'signed_out') return undefined;
    throw error;
  }
}

export async function signIn(name: string, password: string, realm: string): Promise<SignedIn> {
  return (await call('POST', 'api/session', realm ? { name, password, realm } : { name, password })) as SignedIn;
}

export async function signOut(): Promise<void> {
  await call('DELETE', 'api/session');
}

/** Sends a file of a chat. Tells how much of it is there (0 to 1). */
export function sendFile(url: string, c: string, file: File, progress: (share: number) => void): Promise<unknown> {
  return new Promise((done, failed) => {
    // Not fetch, which does not tell how much is there.
    const request = new XMLHttpRequest();
    request.open('POST', `${url}?c=${encodeURIComponent(c)}`);
    request.responseType = 'json';
    request.upload.onprogress = ({ loaded, total }) => progress(total > 0 ? loaded / total : 0);
    request.onload = () => {
      if (request.status === 200) return done(request.response);
      const code = (request.response as { error?: { code?: string } } | null)?.error?.code;
      failed(new Denied(code ?? (request.status === 413 ? 'too_long' : 'internal')));
    };
    request.onerror = () => failed(new Denied('offline'));
    const form = new FormData();
    form.append('file', file, file.name);
    request.send(form);
  });
}

async function call(method: string, path: string, body?: unknown): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(new URL(path, location.href), {
      method,
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
  } catch {
    throw new Denied('offline');
  }
  if (response.status === 204) return undefined;
  const answer = (await response.json().catch(() => undefined)) as { error?: { code?: string } } | undefined;
  if (response.ok) return answer;
  throw new Denied(answer?.error?.code ?? 'internal', Number(response.headers.get('retry-after')) || undefined);
}
