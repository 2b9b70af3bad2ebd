// The desk in a browser: its socket, its timers, and what of the page wakes it.

import { Desk } from './desk.svelte';
import type { Ports } from './ports';
import { SUBPROTOCOL } from './wire';

const LETTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** A random byte above this would favor the first letters. */
const FAIR = 256 - (256 % LETTERS.length);

/** Opens the desk. Gives it, and what closes it. */
export function openDesk(): { desk: Desk; close: () => void } {
  let socket: WebSocket | undefined;
  const ports: Ports = {
    open() {
      const opened = new WebSocket(new URL('ws', location.href).href.replace(/^http/, 'ws'), SUBPROTOCOL);
      opened.onopen = () => desk.wire.opened();
      opened.onmessage = ({ data }) => desk.wire.received(data);
      opened.onclose = ({ code }) => desk.wire.closed(code);
      socket = opened;
    },
    send: (frame) => socket?.send(frame),
    close(code) {
      if (!socket) return;
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close(code === 1000 ? 1000 : 4000);
      socket = undefined;
    },
    now: () => performance.now(),
    after(ms, what) {
      const timer = setTimeout(what, ms);
      return () => clearTimeout(timer);
    },
    random: Math.random,
    token,
  };
  const desk = new Desk(ports, Date.now);
  const wake = (): void => {
    desk.wire.wake();
    if (document.visibilityState === 'visible') desk.look(desk.selected);
  };
  const names = ['online', 'pageshow', 'focus'] as const;
  for (const name of names) addEventListener(name, wake);
  document.addEventListener('visibilitychange', wake);
  desk.wire.open();
  return {
    desk,
    close() {
      for (const name of names) removeEventListener(name, wake);
      document.removeEventListener('visibilitychange', wake);
      desk.wire.close();
    },
  };
}

function token(length: number): string {
  let letters = '';
  while (letters.length < length) {
    for (const byte of crypto.getRandomValues(new Uint8Array(length))) {
      if (byte < FAIR && letters.length < length) letters += LETTERS.charAt(byte % LETTERS.length);
    }
  }
  return letters;
}
