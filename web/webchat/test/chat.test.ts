import { flushSync } from 'svelte';
import { beforeEach, describe, expect, test, vi } from 'vitest';

import type { Content, Happening, Message, Session } from 'nx-web-api';

import { Chat } from '../src/chat.svelte';
import { savedText } from '../src/save';
import { TEXTS } from '../src/texts';

const AGENT = { dn: '3001', name: '김상담', kind: 'agent' as const };
const BOT = { dn: '3105', name: '안내봇', kind: 'bot' as const };

/** The parts of a session that the page uses, played by hand. */
class PlayedSession {
  last = 0;
  maxText = 4_000;
  maxFile = 1_000;
  upload = undefined;
  unsent: { mid: string; content: Content; send: 'BOTH' }[] = [];
  reads: number[] = [];
  taken = true;
  pages: { messages: Message[]; from: number; more: boolean }[] = [];
  private mids = 0;

  start(): void {}
  leave(): boolean {
    return true;
  }
  say(content: Content): string | undefined {
    if (!this.taken) return undefined;
    const mid = `own ${++this.mids}`;
    this.unsent.push({ mid, content, send: 'BOTH' });
    return mid;
  }
  setTyping(): void {}
  setRead(upto: number): void {
    this.reads.push(upto);
  }
  history(): Promise<unknown> {
    const page = this.pages.shift();
    return page ? Promise.resolve(page) : Promise.reject(new Error('link_lost'));
  }
  rate(score: number): Promise<void> {
    return score > 1 ? Promise.resolve() : Promise.reject(new Error('internal'));
  }
}

let session: PlayedSession;
let tell: (happening: Happening) => void;
let chat: Chat;

function begin(): void {
  chat = new Chat('ws://a/', { realm: 'a', dn: '3001', tel: '010' }, (_url, _call, hear) => {
    tell = hear;
    return session as unknown as Session;
  });
}

function message(s: number, text: string, more: Partial<Message> = {}): Message {
  const content = { type: 'text', message: text };
  const at = `2026-01-01T00:00:${String(s).padStart(2, '0')}.000Z`;
  return { is: 'message', own: false, mid: `m${s}`, s, at, from: AGENT, send: 'BOTH', content, more: [], replaces: 0, virtualAgent: '', ...more };
}

const own = (mid: string, s: number, text: string) => message(s, text, { own: true, mid, from: { kind: 'customer' } });
const words = () => chat.lines.map((line) => (line.is === 'said' ? line.content.message : line.what));
const say = (text: string) => chat.say({ type: 'text', message: text });

beforeEach(() => {
  session = new PlayedSession();
  begin();
});

describe('the conversation', () => {
  test('stands in the order of the chat, with what is not sent yet at its end', () => {
    tell({ is: 'answered', party: AGENT });
    say('하나');
    say('둘');
    tell(message(4, '안녕하세요'));
    expect(words()).toEqual(['joined', '안녕하세요', '하나', '둘']);
    // Confirmed before an earlier message of the agent has come.
    tell(own('own 1', 6, '하나'));
    tell(message(5, '네'));
    expect(words()).toEqual(['joined', '안녕하세요', '네', '하나', '둘']);
    tell(own('own 2', 0, '둘'));
    tell({ is: 'placed', mid: 'own 2', s: 7 });
    expect(chat.lines.map((line) => line.is === 'said' && line.s)).toEqual([false, 4, 5, 6, 7]);
  });

  test('shows what was not sent as such, and sends it again', () => {
    say('하나');
    tell({ is: 'failed', mid: 'own 1', code: 'rate', reason: '', content: { type: 'text', message: '하나' }, send: 'BOTH' });
    expect(chat.lines[0]).toMatchObject({ state: 'failed', code: 'rate' });
    chat.retry('own 1');
    expect(chat.lines).toMatchObject([{ key: 'own 2', state: 'sending' }]);
    session.taken = false;
    tell({ is: 'failed', mid: 'own 2', code: 'rate', reason: '', content: {}, send: 'BOTH' });
    chat.retry('own 2');
    expect(chat.lines).toHaveLength(1);
    chat.discard('own 2');
    expect(chat.lines).toEqual([]);
  });

  test('shows all that a message has, and what takes its place later', () => {
    tell(message(4, '글', { more: [{ type: 'text', message: '그림' }] }));
    tell(message(5, '다음'));
    expect(words()).toEqual(['글', '그림', '다음']);
    expect(new Set(chat.lines.map(({ key }) => key)).size).toBe(3);
    tell(message(6, '고친 글', { replaces: 4 }));
    expect(words()).toEqual(['다음', '고친 글']);
  });

  test('never shows what was meant for agents alone', () => {
    tell(message(4, '비밀', { own: true, send: 'AGENT', from: { kind: 'customer' } }));
    expect(chat.lines).toEqual([]);
  });

  test('tells who comes and goes, and says once that somebody joined', () => {
    tell({ is: 'answered', party: AGENT });
    tell({ is: 'party', what: 'joined', party: AGENT, at: '' });
    tell({ is: 'party', what: 'held', at: '' });
    expect(chat.held).toBe(true);
    tell({ is: 'party', what: 'resumed', at: '' });
    tell({ is: 'forwarded', phrase: 'Call Is Being Forwarded' });
    tell({ is: 'party', what: 'joined', party: { ...AGENT, dn: '3002', name: '이상담' }, at: '' });
    expect(words()).toEqual(['joined', 'held', 'resumed', 'forwarded', 'joined']);
    expect(chat).toMatchObject({ held: false, party: { name: '이상담' } });
  });

  test('of a reloaded page is fetched, page by page', async () => {
    session.last = 9;
    session.unsent = [{ mid: 'late', content: { type: 'text', message: '아직' }, send: 'BOTH' }];
    session.pages = [
      { messages: [message(8, '여덟'), message(9, '아홉')], from: 8, more: true },
      { messages: [], from: 4, more: true },
      { messages: [message(3, '셋')], from: 1, more: false },
    ];
    begin();
    tell({ is: 'trying' });
    tell({ is: 'info', cid: 'NX' });
    tell({ is: 'answered' });
    await vi.waitFor(() => expect(words()).toEqual(['여덟', '아홉', '아직']));
    expect(chat.older).toBe(true);
    await chat.showOlder();
    await chat.showOlder();
    expect(words()).toEqual(['셋', '여덟', '아홉', '아직']);
    expect(chat.older).toBe(false);
  });

  test('is saved as text, without what was not sent', () => {
    tell({ is: 'answered', party: AGENT });
    tell(message(4, '안녕하세요'));
    tell(message(5, '골라 주세요', { content: { type: 'links', message: '골라 주세요', links: [{ name: '하나' }, { name: '둘' }] } }));
    say('안 보낸 말');
    const text = savedText(chat.lines, TEXTS.ko);
    expect(text).toContain('-- 김상담 님이 들어왔습니다.');
    expect(text).toContain('김상담: 안녕하세요');
    expect(text).toContain('[하나] [둘]');
    expect(text).not.toContain('안 보낸 말');
  });
});

describe('the call', () => {
  test('waits with a place that is told apart from the word that it waits', () => {
    tell({ is: 'trying' });
    tell({ is: 'queued', place: null, ahead: null, eta: null });
    tell({ is: 'queued', place: 2, ahead: 1, eta: 90 });
    tell({ is: 'queued', place: null, ahead: null, eta: null });
    expect(chat).toMatchObject({ phase: 'waiting', queue: { place: 2, eta: 90 } });
    tell({ is: 'answered', party: BOT });
    tell({ is: 'queued', place: 1, ahead: 0, eta: null });
    expect(chat.phase).toBe('inCall');
  });

  test('ends with its reason, and is rated once', async () => {
    tell({ is: 'answered', party: AGENT });
    tell({ is: 'typing', on: true, from: { kind: 'agent', name: '김상담' } });
    tell({ is: 'cleared', code: 200, phrase: 'Call terminated', by: 'agent', csat: true });
    expect(chat).toMatchObject({ phase: 'ended', typing: '', end: { answered: true, csat: true } });
    await chat.rate(1, '');
    expect(chat.rating).toBe('failed');
    await chat.rate(5, '');
    expect(chat.rating).toBe('done');
  });

  test('says what waits while the link is lost', () => {
    tell({ is: 'answered', party: AGENT });
    tell({ is: 'link', up: false, unsent: 0 });
    say('하나');
    expect(chat).toMatchObject({ linked: false, unsent: 1 });
    session.unsent = [];
    tell({ is: 'link', up: true, unsent: 1 });
    tell(own('own 1', 4, '하나'));
    expect(chat).toMatchObject({ linked: true, unsent: 0 });
  });
});

test('what others said and nobody has seen is counted', () => {
  tell(message(4, '하나'));
  tell(own('x', 5, '나'));
  tell(message(6, '둘'));
  flushSync();
  expect(chat.unread).toBe(2);
  session.last = 6;
  chat.seen();
  flushSync();
  expect(chat.unread).toBe(0);
  expect(session.reads).toEqual([6]);
});

test('somebody who is typing is shown until they stop, or are not heard of', () => {
  vi.useFakeTimers();
  tell({ is: 'typing', on: true, from: { kind: 'agent', name: '김상담' } });
  expect(chat.typing).toBe('김상담');
  tell(message(4, '네'));
  expect(chat.typing).toBe('');
  tell({ is: 'typing', on: true, from: { kind: 'agent', name: '김상담' } });
  vi.advanceTimersByTime(6_000);
  expect(chat.typing).toBe('');
  tell({ is: 'typing', on: true, from: { kind: 'customer' } });
  expect(chat.typing).toBe('');
  vi.useRealTimers();
});

test('a file that is too large or cannot be taken stays with its reason', () => {
  chat.sendFile(new File([new Uint8Array(2_000)], '크다.png', { type: 'image/png' }));
  chat.sendFile(new File(['a'], '작다.txt', { type: 'text/plain' }));
  expect(chat.lines).toMatchObject([{ state: 'failed', code: 'too_long' }, { state: 'failed', code: 'not_in_call' }]);
});
