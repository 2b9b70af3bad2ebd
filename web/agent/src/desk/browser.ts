// The desk in a browser: its socket, its timers, and what of the page wakes it.

import { token } from 'nx-web-api/token';

import { Desk } from './desk.svelte';
import type { Ports } from './ports';
import { SUBPROTOCOL } from './wire';

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
