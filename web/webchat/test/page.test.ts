import { describe, expect, test } from 'vitest';

import { SendKey } from '../src/keys';
import { languageOfPage, parametersOf } from '../src/parameters';
import { piecesOf } from '../src/pieces';
import { chosen, keywordOf, stepOf } from '../src/scenario';
import { TEXTS } from '../src/texts';

describe('the address', () => {
  const place = (search: string, more: object = {}) => ({
    protocol: 'http:',
    hostname: 'chat.example.com',
    host: 'chat.example.com:8080',
    search,
    ...more,
  });
  const QUERY = '?realm=nexuscommunity.net&dn_number=3001&tel_number=01012345678';

  test('gives the four documented parameters', () => {
    expect(parametersOf(place(`${QUERY}&url=ws://chat.example.com:6080`), [])).toEqual({
      realm: 'nexuscommunity.net',
      dn: '3001',
      tel: '01012345678',
      url: 'ws://chat.example.com:6080/',
    });
  });

  test('without a server means the one that gave the page', () => {
    expect(parametersOf(place(QUERY), [])).toMatchObject({ url: 'ws://chat.example.com:8080/' });
    expect(parametersOf(place(QUERY, { protocol: 'https:' }), [])).toMatchObject({ url: 'wss://chat.example.com:8080/' });
  });

  test('leads to no server but this one and those that are set', () => {
    const foreign = `${QUERY}&url=ws://evil.example:6080`;
    expect(parametersOf(place(foreign), [])).toEqual({ faults: ['foreign_url'] });
    expect(parametersOf(place(`${QUERY}&url=ws://chat.example.com.evil.example`), [])).toEqual({ faults: ['foreign_url'] });
    expect(parametersOf(place(foreign), ['evil.example'])).toMatchObject({ url: 'ws://evil.example:6080/' });
    expect(parametersOf(place(foreign), ['evil.example:6080'])).toMatchObject({ url: 'ws://evil.example:6080/' });
    expect(parametersOf(place(foreign), ['evil.example:6081'])).toEqual({ faults: ['foreign_url'] });
  });

  test('is told all that is wrong with it', () => {
    expect(parametersOf(place(''), [])).toEqual({ faults: ['realm', 'dn_number', 'tel_number'] });
    expect(parametersOf(place(`${QUERY}&url=http://chat.example.com`), [])).toEqual({ faults: ['url'] });
    const secure = { protocol: 'https:' };
    expect(parametersOf(place(`${QUERY}&url=ws://chat.example.com`, secure), [])).toEqual({ faults: ['insecure_url'] });
    expect(parametersOf(place('?realm=a&dn_number=1&tel_number=홍길동'), [])).toEqual({ faults: ['tel_number'] });
  });

  test('or the browser names the language', () => {
    expect(languageOfPage(place(''), 'ko-KR')).toBe('ko');
    expect(languageOfPage(place(''), 'en-US')).toBe('en');
    expect(languageOfPage(place('?lang=ko'), 'en-US')).toBe('ko');
    expect(languageOfPage(place(''), 'ja')).toBe('ko');
  });
});

describe('an Enter', () => {
  const press = (more: object = {}) => ({ key: 'Enter', shiftKey: false, isComposing: false, keyCode: 13, ...more });

  test('sends, and with Shift begins a line', () => {
    expect(new SendKey().sends(press())).toBe(true);
    expect(new SendKey().sends(press({ shiftKey: true }))).toBe(false);
    expect(new SendKey().sends(press({ key: 'a' }))).toBe(false);
  });

  test('that ends a composition only ends it, however the browser tells so', async () => {
    const key = new SendKey();
    expect(key.sends(press({ isComposing: true }))).toBe(false);
    expect(key.sends(press({ keyCode: 229 }))).toBe(false);
    // Safari: the composition ends first.
    key.composed();
    expect(key.sends(press())).toBe(false);
    await new Promise((done) => setTimeout(done, 1));
    expect(key.sends(press())).toBe(true);
  });
});

test('addresses in a text become links, and nothing else does', () => {
  expect(piecesOf('보세요: https://a.kr/b?c=1. 그리고 (http://d.kr)')).toEqual([
    { text: '보세요: ' },
    { text: 'https://a.kr/b?c=1', href: 'https://a.kr/b?c=1' },
    { text: '. 그리고 (' },
    { text: 'http://d.kr', href: 'http://d.kr' },
    { text: ')' },
  ]);
  expect(piecesOf('javascript:alert(1) <a href="x">')).toEqual([{ text: 'javascript:alert(1) <a href="x">' }]);
  expect(piecesOf('https://')).toEqual([{ text: 'https://' }]);
  expect(piecesOf('')).toEqual([]);
});

describe('a scenario', () => {
  const content = {
    TYPE: 'SCENARIO',
    NAME: '시나리오 시작',
    MESSAGE: {
      KEYWORD: 'HOME',
      MENU_ID: 'CHAT_ROOT',
      TITLE: 'WELCOME NEXUS',
      DESC: '환영합니다.\\n 무엇을 도와드릴까요?',
      URL: 'javascript:alert(1)',
      COUNT_BUTTONS: 3,
      BUTTONS: [{ KEYWORD: '솔루션', MENU_ID: 'SOLUTION', TITLE: '솔루션 문의', TEXT: '제품을 소개해 드립니다.' }, 'not a button'],
      TAIL: [{ KEYWORD: 'NEXT', MENU_ID: 'NEXT' }],
    },
  };

  test('shows its step, and nothing that it should not', () => {
    const step = stepOf(content);
    expect(step).toMatchObject({ title: 'WELCOME NEXUS', about: '환영합니다.\n무엇을 도와드릴까요?', url: '', scenario: 'CHAT' });
    expect(step?.choices).toHaveLength(1);
    expect(stepOf({ type: 'text', message: 'a' })).toBeUndefined();
  });

  test('is answered by what was chosen, in its own name', () => {
    const step = stepOf({ ...content, MESSAGE: { ...content.MESSAGE, SCENARIO: 'SHOP' } });
    const answer = step && chosen(step, step.choices[0] as never);
    expect(answer).toEqual({ TYPE: 'SCENARIO', MESSAGE: { SCENARIO: 'SHOP', KEYWORD: '솔루션', MENU_ID: 'SOLUTION' } });
    expect(keywordOf(answer as never)).toBe('솔루션');
  });
});

test('the page says the same in both languages', () => {
  const shape = (value: unknown): unknown =>
    typeof value === 'object' && value !== null
      ? Object.fromEntries(Object.entries(value).map(([name, part]) => [name, shape(part)]))
      : typeof value;
  expect(shape(TEXTS.en)).toEqual(shape(TEXTS.ko));
});
