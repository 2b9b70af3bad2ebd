// How people are called, and what a message comes to in one line.

import type { Chat, Content, From } from '../desk/wire';
import { t } from './words.svelte';

export function whoIs({ customer }: Chat): string {
  return customer.name || customer.id;
}

export function sender(from: From, chat: Chat): string {
  if (from.kind === 'customer') return whoIs(chat);
  return from.name || from.dn || t(from.kind);
}

/** A message in one line. */
export function gist(content: Content | undefined): string {
  if (!content) return '';
  if (content.TYPE === 'SCENARIO') return content.NAME || t('menu');
  const files = content.file_data?.map(({ name }) => name).join(', ');
  return content.message || files || content.links?.map(({ name }) => name).join(' · ') || '';
}
