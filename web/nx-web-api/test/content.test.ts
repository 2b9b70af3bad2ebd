import { describe, expect, test } from 'vitest';

import { contentOf, isWebAddress } from '../src/content';
import { isDn, isRealm, isTel, socketAddress } from '../src/grammar';
import { shortName } from '../src/upload';

const file = (more: object = {}) => ({ name: 'testImage1.jpg', url: 'http://118.219.54.237/call-message/testImage1.jpg', ...more });
const files = (...list: object[]) => ({ type: 'file', message: '', file_data: list });
const links = (...list: object[]) => ({ type: 'links', message: '선택해 주세요.', links: list });

describe('messages', () => {
  test.each([
    ['a text', { type: 'text', message: '안녕하세요!' }],
    ['a text, as JSON', '{ "type":"text", "message": "안녕하세요!"}'],
    ['a text with no files', { type: 'text', message: '안녕하세요. ', file_data: [] }],
    ['a text of 4,000 characters, however many bytes', { type: 'text', message: '🙂'.repeat(4_000) }],
    ['a pressed button', { type: 'text', message: '프로모션', extra: 'PROMOTION-01' }],
    ['two files, one with a preview', files(file({ size: '1204136', mime_type: 'image/jpg', preview_url: 'http://1.1.1.1./a.jpg' }), file({ preview_url: '' }))],
    ['a file with a number for its size', files(file({ size: 0 }))],
    ['a file named by 28 Korean letters', files(file({ name: '가'.repeat(28) }))],
    ['a file named by 28 letters that are not composed', files(file({ name: '각'.normalize('NFD').repeat(28) }))],
    ['links', links({ name: '프로모션', type: 'text', extra: 'PROMOTION-01' }, { name: '로그인', type: 'link', url: 'http://118.219.54.237/login' })],
    ['a scenario\'s choice', { TYPE: 'SCENARIO', MESSAGE: { SCENARIO: 'CHAT', KEYWORD: '솔루션', MENU_ID: 'SOLUTION' } }],
  ])('are %s', (_, message) => {
    expect(contentOf(message)).toEqual(typeof message === 'string' ? JSON.parse(message) : message);
  });

  test.each([
    ['no JSON', '{ "type":"text", '],
    ['nothing', undefined],
    ['a JSON text', '"안녕"'],
    ['an array', []],
    ['no type', { message: 'a' }],
    ['an unknown type', { type: 'image', message: 'a' }],
    ['a text without text', { type: 'text' }],
    ['an empty text', { type: 'text', message: '' }],
    ['a text of 4,001 characters', { type: 'text', message: '가'.repeat(4_001) }],
    ['a text with files', { type: 'text', message: 'a', file_data: [file()] }],
    ['101 characters beside a button', { type: 'text', message: 'a', extra: '가'.repeat(101) }],
    ['no files', files()],
    ['three files', files(file(), file(), file())],
    ['two previews', files(file({ preview_url: 'http://a/1' }), file({ preview_url: 'http://a/2' }))],
    ['a file named by 29 Korean letters', files(file({ name: '가'.repeat(29) }))],
    ['a file without a name', files(file({ name: '' }))],
    ['a file that is a script', files(file({ url: 'javascript:alert(1)' }))],
    ['a file that is data', files(file({ url: 'data:text/html,a' }))],
    ['a preview that is a script', files(file({ preview_url: 'javascript:alert(1)' }))],
    ['a file whose address has a blank', files(file({ url: 'http: //118.219.54.237/a.jpg' }))],
    ['a size below nothing', files(file({ size: -1 }))],
    ['a size that no number holds', files(file({ size: '9007199254740992' }))],
    ['a size that is no number', files(file({ size: '1 MB' }))],
    ['links without a heading', { type: 'links', links: [{ name: 'a', type: 'text' }] }],
    ['no links', links()],
    ['a link without an address', links({ name: 'a', type: 'link' })],
    ['a link to a script', links({ name: 'a', type: 'link', url: 'javascript:alert(1)' })],
    ['a button of an unknown type', links({ name: 'a', type: 'call' })],
    ['a scenario without a choice', { TYPE: 'SCENARIO', MESSAGE: {} }],
  ])('are not %s', (_, message) => {
    expect(contentOf(message)).toBeUndefined();
  });

  test('are as long as the realm says', () => {
    expect(contentOf({ type: 'text', message: '가가' }, 1)).toBeUndefined();
  });
});

test('arguments are within their grammar', () => {
  expect(['nexuscommunity.net', 'localhost', 'a-b.c', '10.0.0.1'].every(isRealm)).toBe(true);
  expect(['', '-a', 'a..b', 'a b', '한국.kr', 'a'.repeat(254), `${'a'.repeat(64)}.kr`].some(isRealm)).toBe(false);
  expect(['3001', '*72', '#1', '+82.2-1', 'agent_1'].every(isDn)).toBe(true);
  expect(['', '30 01', '상담', '3001;x', 'a'.repeat(33)].some(isDn)).toBe(false);
  expect(['01012345678', 'user@site.kr', 'a&b=c', 'x'.repeat(64)].every(isTel)).toBe(true);
  expect(['', '홍길동', 'a b', `a'b`, 'a`b', 'a"b', '<a>', 'x'.repeat(65)].some(isTel)).toBe(false);
});

test('a socket\'s address is ws or wss, and secure on a secure page', () => {
  expect(socketAddress('ws://10.10.30.71:6080', 'http:')).toBe('ws://10.10.30.71:6080/');
  expect(socketAddress('wss://chat.example/nxchat/ws', 'https:')).toBe('wss://chat.example/nxchat/ws');
  for (const url of ['http://a', '//a', 'ws:', 'ws://u:p@a', 'ws://a/#b', 'ws://a b', 'javascript:alert(1)', 7, undefined]) {
    expect(socketAddress(url, 'http:')).toBeUndefined();
  }
});

test('a long name is cut before what follows its last dot', () => {
  expect(shortName('사진.jpg')).toBe('사진.jpg');
  const short = shortName(`${'가'.repeat(40)}.jpeg`);
  expect(Array.from(short)).toHaveLength(28);
  expect(short.endsWith('….jpeg')).toBe(true);
  expect(Array.from(shortName('가'.repeat(40)))).toHaveLength(28);
  expect(Array.from(shortName(`a.${'b'.repeat(40)}`))).toHaveLength(28);
});

test.each(['javascript:alert(1)', 'JaVaScRiPt:alert(1)', 'data:text/html,x', 'https://a b', 'java\nscript:x', '/a', '', 1, undefined])(
  '%s is no address',
  (address) => expect(isWebAddress(address)).toBe(false),
);

test.each(['https://example.org/a?b=c', 'http://localhost:8080/'])('%s is an address', (address) => expect(isWebAddress(address)).toBe(true));
