// A chat as the page sees it: what the session tells, kept as what is shown.

import {
  type Call,
  type Content,
  type FileEntry,
  type Happening,
  type Message,
  type Party,
  type Session,
  shortName,
  uploadFile,
} from 'nx-web-api';

import {
  type Line,
  unreadAfter,
  withChange,
  withHistory,
  withMessage,
  withNotice,
  withPlace,
  withUnsent,
  without,
} from './transcript';

/** Where the call stands. */
export type Phase = 'connecting' | 'trying' | 'ringing' | 'waiting' | 'inCall' | 'ended';

/** How the call ended. */
export interface End {
  phrase: string;
  /** Whether there was an answer before the end. */
  answered: boolean;
  csat: boolean;
}

/** How the rating of the call stands. */
export type RatingState = 'open' | 'sending' | 'done' | 'failed';

/** Makes the session of a chat; in a browser `browserSession`. */
export type MakeSession = (url: string, call: Call, tell: (happening: Happening) => void) => Session;

/** How many earlier messages are fetched at once. */
const HISTORY = 100;
/** How long somebody is shown to be typing without being heard of again. */
const TYPING_MS = 6_000;

export class Chat {
  phase: Phase = $state('connecting');
  lines: Line[] = $state.raw([]);
  /** Who answers. */
  party: Party | undefined = $state.raw();
  held = $state(false);
  /** The place in the queue, and how many seconds it may take. */
  queue: { place: number | null; eta: number | null } = $state.raw({ place: null, eta: null });
  /** Who is typing; empty if nobody is. */
  typing = $state('');
  linked = $state(true);
  unsent = $state(0);
  /** Up to where others have seen the chat. */
  readUpto = $state(0);
  /** Up to where the customer has. */
  seenUpto = $state(0);
  end: End | undefined = $state.raw();
  rating: RatingState = $state('open');
  /** There are earlier messages than those shown. */
  older = $state(false);

  readonly unread = $derived(unreadAfter(this.lines, this.seenUpto));

  private readonly session: Session;
  private answered = false;
  private uploads = 0;
  /** The place that what is shown begins at. */
  private oldest = 1;
  /** Comes back to a chat that was there before the page was loaded: what was said is fetched. */
  private returning: boolean;
  private typingEnds: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly url: string,
    call: Call,
    makeSession: MakeSession,
  ) {
    this.session = makeSession(url, call, (happening) => this.take(happening));
    this.returning = this.session.last > 0;
    this.seenUpto = this.session.last;
  }

  get maxText(): number {
    return this.session.maxText;
  }

  get maxFile(): number {
    return this.session.maxFile;
  }

  start(): void {
    this.session.start();
  }

  // What the customer does.

  /** Says something. Whether it was taken. */
  say(content: Content): boolean {
    const mid = this.session.say(content, 'BOTH');
    if (mid === undefined) return false;
    this.lines = withUnsent(this.lines, mid, content);
    this.unsent = this.session.unsent.length;
    return true;
  }

  /** Says again what was not sent. */
  retry(key: string): void {
    const line = this.lines.find((other) => other.key === key);
    if (line?.is !== 'said') return;
    if (line.upload) {
      this.lines = without(this.lines, key);
      this.sendFile(line.upload.file);
    } else if (this.say(line.content)) {
      this.lines = without(this.lines, key);
    }
  }

  discard(key: string): void {
    this.release(key);
    this.lines = without(this.lines, key);
  }

  /** Sends a file: first to the server, then as a message that names it. */
  sendFile(file: File): void {
    const key = `file ${++this.uploads}`;
    const name = shortName(file.name);
    const content = { type: 'file', message: '', file_data: [{ name, size: file.size, url: '', mime_type: file.type }] };
    const preview = file.type.startsWith('image/') && file.type !== 'image/svg+xml' ? URL.createObjectURL(file) : undefined;
    this.lines = withUnsent(this.lines, key, content, 'uploading');
    this.lines = withChange(this.lines, key, { upload: { file, share: 0, ...(preview ? { preview } : {}) } });
    const { upload } = this.session;
    if (this.maxFile > 0 && file.size > this.maxFile) return this.fail(key, 'too_long');
    if (!upload) return this.fail(key, 'not_in_call');
    const progress = (share: number): void => {
      this.lines = withChange(this.lines, key, { upload: { file, share, ...(preview ? { preview } : {}) } });
    };
    uploadFile(upload, this.url, file, progress).then(
      (entry) => this.uploaded(key, entry),
      (error: Error) => this.fail(key, error.message),
    );
  }

  setTyping(on: boolean): void {
    this.session.setTyping(on);
  }

  /** The customer has seen everything that is shown. */
  seen(): void {
    this.seenUpto = this.session.last;
    this.session.setRead(this.session.last);
  }

  async showOlder(): Promise<void> {
    await this.fetch(this.oldest);
  }

  leave(): void {
    this.session.leave();
  }

  async rate(score: number, comment: string): Promise<void> {
    this.rating = 'sending';
    try {
      await this.session.rate(score, comment);
      this.rating = 'done';
    } catch {
      this.rating = 'failed';
    }
  }

  // What the session tells.

  private take(happening: Happening): void {
    switch (happening.is) {
      case 'trying':
        this.phase = 'trying';
        break;
      case 'info':
        if (this.returning) void this.comeBack();
        break;
      case 'ringing':
        this.phase = 'ringing';
        break;
      case 'queued':
        return this.wait(happening.place, happening.eta);
      case 'answered':
        this.phase = 'inCall';
        this.answered = true;
        this.party = happening.party ?? this.party;
        if (happening.party?.kind === 'agent') this.note('joined', happening.party);
        break;
      case 'message':
        return this.hear(happening);
      case 'placed':
        this.lines = withPlace(this.lines, happening.mid, happening.s);
        break;
      case 'failed':
        this.lines = withChange(this.lines, happening.mid, { state: 'failed', code: happening.code });
        this.unsent = this.session.unsent.length;
        break;
      case 'forwarded':
        this.note('forwarded', happening.party);
        break;
      case 'party':
        this.change(happening);
        break;
      case 'typing':
        this.type(happening);
        break;
      case 'read':
        this.readUpto = Math.max(this.readUpto, happening.upto);
        break;
      case 'link':
        this.linked = happening.up;
        this.unsent = happening.unsent;
        break;
      case 'cleared':
        this.finish(happening.phrase, happening.csat);
        break;
    }
  }

  private wait(place: number | null, eta: number | null): void {
    if (this.answered) return;
    this.phase = 'waiting';
    // The place comes by a signal of its own, after the word that there is a queue.
    if (place !== null || this.queue.place === null) this.queue = { place, eta };
  }

  private hear(message: Message): void {
    // Meant for agents alone: said, and not for the customer's eyes.
    if (message.send === 'AGENT') this.lines = without(this.lines, message.mid);
    else this.lines = withMessage(this.lines, message);
    if (message.own) this.unsent = this.session.unsent.length;
    else this.typing = '';
  }

  private change({ what, party }: Happening & { is: 'party' }): void {
    if (what === 'held' || what === 'resumed') this.held = what === 'held';
    if (what === 'joined' && party) this.party = party;
    // Whoever answered first was announced with the answer.
    const known = this.lines.findLast(({ is }) => is === 'notice');
    const again = what === 'joined' && known?.is === 'notice' && known.what === 'joined' && known.name === party?.name;
    if (!again) this.note(what, party);
  }

  private type({ on, from }: Happening & { is: 'typing' }): void {
    clearTimeout(this.typingEnds);
    this.typing = on && from.kind !== 'customer' ? from.name || this.party?.name || ' ' : '';
    if (on) this.typingEnds = setTimeout(() => (this.typing = ''), TYPING_MS);
  }

  private finish(phrase: string, csat: boolean): void {
    clearTimeout(this.typingEnds);
    this.typing = '';
    this.held = false;
    this.linked = true;
    this.phase = 'ended';
    this.end = { phrase, answered: this.answered, csat };
  }

  private note(what: Parameters<typeof withNotice>[1], party: Party | undefined): void {
    this.lines = withNotice(this.lines, what, party);
  }

  private async comeBack(): Promise<void> {
    this.returning = false;
    for (const { mid, content } of this.session.unsent) this.lines = withUnsent(this.lines, mid, content);
    await this.fetch(this.session.last + 1);
    this.seenUpto = this.session.last;
  }

  private async fetch(before: number): Promise<void> {
    try {
      const { messages, from, more } = await this.session.history(before, HISTORY);
      this.lines = withHistory(this.lines, messages);
      this.oldest = from;
      this.older = more;
    } catch {
      // The link is lost: the button for earlier messages stays.
      this.oldest = before;
      this.older = true;
    }
  }

  private uploaded(key: string, entry: FileEntry): void {
    const line = this.lines.find((other) => other.key === key);
    if (!line) return;
    if (this.say({ type: 'file', message: '', file_data: [entry] })) this.discard(key);
    else this.fail(key, 'not_in_call');
  }

  private fail(key: string, code: string): void {
    this.lines = withChange(this.lines, key, { state: 'failed', code });
  }

  /** Lets go of a preview of a file on this machine. */
  private release(key: string): void {
    const line = this.lines.find((other) => other.key === key);
    if (line?.is === 'said' && line.upload?.preview) URL.revokeObjectURL(line.upload.preview);
  }
}
