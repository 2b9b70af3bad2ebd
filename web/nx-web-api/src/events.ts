// The events of the documented callback, byte for byte: their members, the order of these, and their literal values.
//
// What the documents do not have is told by events of the kind `NX`, which a page's `switch` passes over.

import type { Content, From } from './frames';
import type { Happening, Message } from './happening';

/** The chat that an event is of. */
export interface Chat {
  /** Counts the calls of this page, from 1. */
  readonly id: number;
  /** The number that was dialed; unchanged whoever answers. */
  readonly dn: string;
  readonly cid: string;
  readonly virtualAgent: string;
  /** Whether `i_ao_request` is told with the blank before it that the documents show. */
  readonly statusSpace: boolean;
}

/** An event as it becomes the callback's JSON. */
export interface CallbackEvent {
  Kind?: 'SIP' | 'NX';
  Type: string;
  Data: Record<string, unknown>;
}

/** The event of a callback that was registered. */
export const CALLBACK_SET: CallbackEvent = { Type: 'SetCallBack', Data: { result: 'Success' } };

/** The events that tell of `happening`; of a message one for each of its contents. */
export function eventsOf(happening: Happening, chat: Chat): CallbackEvent[] {
  if (happening.is === 'message') {
    return [happening.content, ...happening.more].map((content) => messageEvent(happening, content, chat));
  }
  const event = eventOf(happening, chat);
  return event ? [event] : [];
}

function eventOf(happening: Exclude<Happening, Message>, chat: Chat): CallbackEvent | undefined {
  const progress = chat.statusSpace ? ' i_ao_request' : 'i_ao_request';
  switch (happening.is) {
    case 'connecting':
      return sip('Connecting', 'connecting', 'Call in progress...', chat);
    case 'trying':
      return sip('Trying', progress, 'Trying', chat);
    case 'ringing':
      return sip('Ringing', progress, 'Ringing', chat);
    case 'answered':
      return sip('InCall', 'connected', 'In call', chat);
    case 'cleared':
      return sip('Clear', 'terminated', happening.phrase, chat);
    case 'info':
      return nx('ChatInfo', {}, chat);
    case 'queued':
      return nx('Queue', { position: happening.place, ahead: happening.ahead, eta: happening.eta }, chat);
    case 'forwarded':
      return nx('Forwarded', { desc: happening.phrase, party: happening.party ?? null }, chat);
    case 'party':
      return nx('Party', { status: happening.what, party: happening.party ?? null }, chat);
    case 'typing':
      return nx('Typing', { on: happening.on, from: labelOf(happening.from, chat) }, chat);
    case 'read':
      return nx('Read', { upto: happening.upto, from: labelOf(happening.from, chat) }, chat);
    case 'failed':
      return nx('MessageFailed', { code: happening.code, desc: happening.reason, content: happening.content }, chat);
    case 'link':
      return nx(happening.up ? 'Reconnected' : 'Reconnecting', { unsent: happening.unsent }, chat);
    case 'placed':
      return undefined;
  }
}

function sip(type: string, status: string, desc: string, { dn, id }: Chat): CallbackEvent {
  return { Kind: 'SIP', Type: type, Data: { status, desc, dn, id } };
}

function nx(type: string, data: Record<string, unknown>, { cid, id, dn }: Chat): CallbackEvent {
  return { Kind: 'NX', Type: type, Data: { ...data, Cid: cid, id, dn } };
}

function messageEvent(message: Message, content: Content, chat: Chat): CallbackEvent {
  return {
    Kind: 'SIP',
    Type: 'Message_C',
    Data: {
      status: message.own ? 'i_customs_message_send' : 'i_customs_message',
      desc: message.own ? 'Outgoing Message' : 'Incoming Message',
      content,
      dn: labelOf(message.from, chat),
      Cid: chat.cid,
      virtualAgent: message.virtualAgent || chat.virtualAgent,
    },
  };
}

/** Who said something, as the documents name them: `customer`, or a number. */
function labelOf(from: From, chat: Chat): string {
  if (from.kind === 'customer') return 'customer';
  const known = from.kind === 'bot' ? chat.virtualAgent || from.dn : from.dn;
  return known || chat.dn;
}
