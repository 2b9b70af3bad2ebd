import { beforeEach, expect, test } from 'vitest';

import { span, speak, t, tError, tOf } from '../src/page/words.svelte';

beforeEach(() => speak('en'));

test('blanks are filled in, and what is not there is left', () => {
  expect(t('capacity', { n: 1, max: 3 })).toBe('1 of 3 chats');
  expect(t('capacity', { n: 1 })).toBe('1 of {max} chats');
});

test('what was put in is not looked at again', () => {
  expect(t('typing', { who: '{n}' })).toBe('{n} is typing');
});

test('the page speaks Korean too', () => {
  speak('ko');
  expect(t('accept')).toBe('수락');
  expect(document.documentElement.lang).toBe('ko');
});

test('an error that has no words of its own is named', () => {
  expect(tError({ code: 'rate' })).toBe('Too fast. Try again in a moment.');
  expect(tError({ code: 'internal' })).toBe('That did not work (internal).');
  expect(tOf('gone', 'nobody knows')).toBeUndefined();
});

test.each([
  [5, '0:05'],
  [65, '1:05'],
  [3_723, '1:02:03'],
  [-1, '0:00'],
])('%i seconds are %s', (seconds, text) => expect(span(seconds)).toBe(text));
