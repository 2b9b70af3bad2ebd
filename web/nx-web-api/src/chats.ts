// The documented functions, over all chats of a page.

import { Bell, type Callback } from './bell';
import { contentOf, sendOf } from './content';
import { type CallbackEvent, type Chat, eventsOf } from './events';
import { isObject } from './frames';
import { isDn, isRealm, isTel, socketAddress } from './grammar';
import type { Happening } from './happening';
import type { Call } from './ports';
import type { Session } from './session';
import { type FileEntry, uploadFile } from './upload';

/** What every documented function answers: done, or begun; and not. */
export const DONE = 0;
export const FAILED = -1;

/** The most chats of a page at a time. */
const MAX_CHATS = 10;

/** A chat as `getChats` lists it. */
export interface ChatInfo {
  Cid: string;
  id: number;
  dn: string;
  inCall: boolean;
  unsent: number;
}

/** What the functions need of the page. */
export interface Surroundings {
  /** The protocol of the page's address: `https:`. */
  protocol: string;
  session(url: string, call: Call, tell: (happening: Happening, session: Session) => void): Session;
}

class PageChat implements Chat {
  /** Counts the calls that were answered: the one answered last is spoken to when none is named. */
  answeredAs = 0;
  session!: Session;

  constructor(
    readonly id: number,
    readonly dn: string,
    readonly url: string,
    private readonly api: { statusSpace: boolean },
  ) {}

  get cid(): string {
    return this.session.cid;
  }

  get virtualAgent(): string {
    return this.session.virtualAgent;
  }

  get statusSpace(): boolean {
    return this.api.statusSpace && this.session.statusSpace;
  }
}

/** The chats of a page. */
export class Chats {
  /** Whether `i_ao_request` is told with the blank before it that the documents show. */
  statusSpace = true;

  private readonly bell = new Bell();
  /** Oldest first. One that is over stays until it was rated or ten came after it. */
  private chats: PageChat[] = [];
  private ids = 0;
  private answered = 0;

  constructor(private readonly surroundings: Surroundings) {}

  setCallBack(callback: unknown): number {
    if (typeof callback !== 'function') return FAILED;
    this.bell.register(callback as Callback);
    return DONE;
  }

  connectChat(realm: unknown, dn: unknown, tel: unknown, url: unknown, options: unknown): number {
    const address = socketAddress(url, this.surroundings.protocol);
    if (!isRealm(realm) || !isDn(dn) || !isTel(tel) || address === undefined) return FAILED;
    if (this.live().length >= MAX_CHATS) return FAILED;
    const call: Call = { realm, dn, tel };
    if (!addOptions(call, options)) return FAILED;
    const chat = new PageChat(this.ids + 1, dn, address, this);
    return this.bell.during(() => {
      try {
        chat.session = this.surroundings.session(address, call, (happening) => this.tell(happening, chat));
        chat.session.start();
      } catch {
        // No WebSocket here, or an address that the browser does not take.
        return FAILED;
      }
      this.ids = chat.id;
      this.chats = [...this.chats.filter(({ session }) => session.over).slice(1 - MAX_CHATS), ...this.live(), chat];
      return DONE;
    });
  }

  clear(cid: unknown): number {
    const chat = cid === undefined ? this.current() : this.named(cid);
    return this.bell.during(() => (chat?.session.leave() ? DONE : FAILED));
  }

  message(message: unknown, sendType: unknown): number {
    return this.say(this.answeredLast(), message, sendType);
  }

  messageTo(cid: unknown, message: unknown, sendType: unknown): number {
    return this.say(this.named(cid), message, sendType);
  }

  getChats(): ChatInfo[] {
    return this.live().map(({ cid, id, dn, session }) => {
      return { Cid: cid, id, dn, inCall: session.inCall, unsent: session.unsent.length };
    });
  }

  typing(cid: unknown, on: unknown): number {
    const chat = this.named(cid);
    if (!chat?.session.inCall) return FAILED;
    chat.session.setTyping(on === true);
    return DONE;
  }

  read(cid: unknown): number {
    const chat = this.named(cid);
    if (!chat?.session.inCall) return FAILED;
    chat.session.setRead(chat.session.last);
    return DONE;
  }

  async history(cid: unknown, before: unknown, n: unknown): Promise<{ messages: CallbackEvent[]; more: boolean }> {
    const chat = this.named(cid);
    if (!chat) throw new Error('no_such_chat');
    const page = await chat.session.history(Number(before) || chat.session.last + 1, Math.min(Number(n) || 100, 100));
    return { messages: page.messages.flatMap((message) => eventsOf(message, chat)), more: page.more };
  }

  upload(cid: unknown, file: unknown, progress: unknown): Promise<FileEntry> {
    const chat = this.named(cid);
    const upload = chat?.session.upload;
    if (!chat?.session.inCall || !upload || !(file instanceof File)) return Promise.reject(new Error('not_in_call'));
    const tell = typeof progress === 'function' ? (progress as (share: number) => void) : undefined;
    return uploadFile(upload, chat.url, file, tell);
  }

  rate(cid: unknown, score: unknown, comment: unknown): Promise<number> {
    const chat = this.chats.find((known) => known.cid !== '' && known.cid === cid);
    const known = typeof score === 'number' && Number.isInteger(score) && score >= 1 && score <= 5;
    if (!chat || !known) return Promise.resolve(FAILED);
    return chat.session.rate(score, typeof comment === 'string' ? comment : '').then(
      () => DONE,
      () => FAILED,
    );
  }

  private say(chat: PageChat | undefined, message: unknown, sendType: unknown): number {
    const send = sendOf(sendType);
    const content = chat && contentOf(message, chat.session.maxText);
    if (!chat || !send || !content) return FAILED;
    return this.bell.during(() => (chat.session.say(content, send) === undefined ? FAILED : DONE));
  }

  private tell(happening: Happening, chat: PageChat): void {
    if (happening.is === 'answered') chat.answeredAs = ++this.answered;
    for (const event of eventsOf(happening, chat)) this.bell.tell(event);
  }

  private live(): PageChat[] {
    return this.chats.filter(({ session }) => !session.over);
  }

  /** The chat that was answered last. */
  private answeredLast(): PageChat | undefined {
    const answered = this.live().filter(({ answeredAs }) => answeredAs > 0);
    return answered.reduce((last, chat) => (chat.answeredAs > last.answeredAs ? chat : last), answered[0] as PageChat);
  }

  /** That, or the one that was begun last while none is answered. */
  private current(): PageChat | undefined {
    return this.answeredLast() ?? this.live().pop();
  }

  private named(cid: unknown): PageChat | undefined {
    return this.live().find((chat) => chat.cid !== '' && chat.cid === cid);
  }
}

/** The fifth argument, which the documents do not have. Whether it is one. */
function addOptions(call: Call, options: unknown): boolean {
  if (options === undefined || options === null) return true;
  if (!isObject(options)) return false;
  for (const name of ['token', 'lang'] as const) {
    const value = options[name];
    if (value === undefined) continue;
    if (typeof value !== 'string') return false;
    call[name] = value;
  }
  if (options.first !== undefined) {
    const first = contentOf(options.first);
    if (!first) return false;
    call.first = first;
  }
  return true;
}
