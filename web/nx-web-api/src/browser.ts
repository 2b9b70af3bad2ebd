// A session in a browser: its socket, its timers, and what of the page wakes it.

import { SUBPROTOCOL } from './frames';
import type { Happening } from './happening';
import type { Call, Kept, Ports } from './ports';
import { Session } from './session';
import { token } from './token';

const WAKERS: [keyof WindowEventMap][] = [['online'], ['pageshow'], ['focus']];

/** Chats of this page that are kept for a reload, by their name in the storage. */
const taken = new Set<string>();

/** Makes a session that talks to `url`, and goes on with the one of the page's former life if there is one. */
export function browserSession(url: string, call: Call, tell: (happening: Happening, session: Session) => void): Session {
  const name = storageName(url, call);
  taken.add(name);
  let socket: WebSocket | undefined;
  const ports: Ports = {
    open() {
      socket = openSocket(url, () => session);
    },
    send: (frame) => socket?.send(frame),
    close(code) {
      if (socket) silence(socket).close(code === 1000 ? 1000 : 4000);
      socket = undefined;
    },
    now: () => performance.now(),
    after(ms, what) {
      const timer = setTimeout(what, ms);
      return () => clearTimeout(timer);
    },
    random: Math.random,
    token,
    tell(happening) {
      if (happening.is === 'cleared') {
        taken.delete(name);
        stopWaking();
      }
      tell(happening, session);
    },
    keep: (kept) => store(name, kept),
  };
  const session = new Session(call, ports, stored(name));
  const stopWaking = wakeWithPage(session);
  return session;
}

function openSocket(url: string, session: () => Session): WebSocket {
  const socket = new WebSocket(url, SUBPROTOCOL);
  socket.onopen = () => session().opened();
  socket.onmessage = ({ data }) => session().received(data);
  socket.onclose = ({ code }) => session().closed(code);
  return socket;
}

function silence(socket: WebSocket): WebSocket {
  socket.onopen = socket.onmessage = socket.onclose = null;
  return socket;
}

function wakeWithPage(session: Session): () => void {
  const wake = (): void => session.wake();
  const seen = (): void => {
    if (document.visibilityState === 'visible') session.wake();
  };
  for (const [name] of WAKERS) addEventListener(name, wake);
  document.addEventListener('visibilitychange', seen);
  return () => {
    for (const [name] of WAKERS) removeEventListener(name, wake);
    document.removeEventListener('visibilitychange', seen);
  };
}

// What a reload of the page finds. A page whose storage is denied chats all the same.

function storageName(url: string, { realm, dn, tel }: Call): string {
  const base = `nxchat ${url} ${realm} ${dn} ${tel}`;
  let name = base;
  for (let copy = 2; taken.has(name); copy++) name = `${base} ${copy}`;
  return name;
}

function store(name: string, kept: Kept | undefined): void {
  try {
    if (kept) sessionStorage.setItem(name, JSON.stringify(kept));
    else sessionStorage.removeItem(name);
  } catch {
    // Denied or full: this chat does not outlive the page.
  }
}

function stored(name: string): Kept | undefined {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(name) ?? 'null');
    return isKept(kept) ? kept : undefined;
  } catch {
    return undefined;
  }
}

function isKept(value: unknown): value is Kept {
  const kept = value as Kept | null;
  return (
    typeof kept?.sid === 'string' &&
    typeof kept.secret === 'string' &&
    typeof kept.cid === 'string' &&
    Number.isSafeInteger(kept.last) &&
    Array.isArray(kept.outbox)
  );
}
