// The global `nxWebApi`: the documented functions by their documented names, and those beyond the documents.
// Declared for pages in nxWebApi.d.ts.

import { browserSession } from './browser';
import { Chats } from './chats';

const chats = new Chats({ protocol: location.protocol, session: browserSession });

export function SetCallBack(callback: unknown): number {
  return chats.setCallBack(callback);
}

export function connectChat(realm: unknown, dnNumber: unknown, telNumber: unknown, url: unknown, options?: unknown): number {
  return chats.connectChat(realm, dnNumber, telNumber, url, options);
}

export function Clear(cid?: unknown): number {
  return chats.clear(cid);
}

export function Message_C(message: unknown, sendType?: unknown): number {
  return chats.message(message, sendType);
}

/** `type` has no meaning, as documented. */
export function Message_CToSelect(cid: unknown, message: unknown, _type?: unknown, sendType?: unknown): number {
  return chats.messageTo(cid, message, sendType);
}

// Beyond the documents.

export function getChats(): unknown[] {
  return chats.getChats();
}

export function typing(cid: unknown, on: unknown): number {
  return chats.typing(cid, on);
}

export function read(cid: unknown): number {
  return chats.read(cid);
}

export function history(cid: unknown, before?: unknown, n?: unknown): Promise<unknown> {
  return chats.history(cid, before, n);
}

export function upload(cid: unknown, file: unknown, progress?: unknown): Promise<unknown> {
  return chats.upload(cid, file, progress);
}

export function csat(cid: unknown, score: unknown, text?: unknown): Promise<number> {
  return chats.rate(cid, score, text);
}

export function setOptions(options: { statusSpace?: boolean }): void {
  if (typeof options.statusSpace === 'boolean') chats.statusSpace = options.statusSpace;
}
