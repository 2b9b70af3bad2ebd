/// <reference path="../nxWebApi.d.ts" />
// What pages are told that there is, and what there is, are one.

import { expect, test, vi } from 'vitest';

test('every declared function is there, and no other', async () => {
  vi.stubGlobal('location', { protocol: 'https:' });
  const api: NxWebApi = (await import('../src/index')) as unknown as NxWebApi;
  const declared: Record<keyof NxWebApi, number> = {
    SetCallBack: 1,
    connectChat: 1,
    Clear: 1,
    Message_C: 1,
    Message_CToSelect: 1,
    getChats: 1,
    typing: 1,
    read: 1,
    history: 1,
    upload: 1,
    csat: 1,
    setOptions: 1,
  };
  expect(Object.keys(api).sort()).toEqual(Object.keys(declared).sort());
  expect(api.Message_C({ type: 'text', message: 'nobody is there' })).toBe(-1);
  expect(api.Clear()).toBe(-1);
  expect(await api.csat('no such chat', 5)).toBe(-1);
  await expect(api.upload('no such chat', undefined as never)).rejects.toThrow('not_in_call');
});
