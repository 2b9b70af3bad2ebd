// What a page may say: the message types of the documented `Message_C`, checked before anything leaves the machine.

import { type Content, MAX_TEXT, type Send, isObject } from './frames';

/** The most Unicode characters of a file's name. */
export const MAX_FILE_NAME = 28;
/** The most files of one message. Only one of them may have a preview. */
export const MAX_FILES = 2;
/** The most Unicode characters of what a button hands over beside its text. */
export const MAX_EXTRA = 100;

/** How many Unicode characters (scalar values, composed) `value` has. */
export function lengthOf(value: string): number {
  return Array.from(value.normalize('NFC')).length;
}

/** The message in `value`, a JSON text or an object; `undefined` if the documented types do not allow it. */
export function contentOf(value: unknown, maxText = MAX_TEXT): Content | undefined {
  let parsed = value;
  if (typeof value === 'string') {
    try {
      parsed = JSON.parse(value);
    } catch {
      return undefined;
    }
  }
  return isObject(parsed) && allowed(parsed, maxText) ? parsed : undefined;
}

/** Whom `value` names as those who may see a message; `undefined` if nobody. */
export function sendOf(value: unknown): Send | undefined {
  if (value === undefined || value === null || value === '') return 'BOTH';
  if (typeof value !== 'string') return undefined;
  const upper = value.toUpperCase();
  return upper === 'BOTH' || upper === 'AGENT' || upper === 'CUSTOMER' ? upper : undefined;
}

/** Whether `value` is an address that a browser may be sent to: never a script's, and not one with blanks in it. */
export function isWebAddress(value: unknown): value is string {
  if (typeof value !== 'string' || /\s/.test(value)) return false;
  try {
    const { protocol } = new URL(value);
    return protocol === 'http:' || protocol === 'https:';
  } catch {
    return false;
  }
}

function allowed(content: Content, maxText: number): boolean {
  if (content.TYPE === 'SCENARIO') {
    const { MESSAGE: chosen } = content;
    return isObject(chosen) && typeof chosen.KEYWORD === 'string' && typeof chosen.MENU_ID === 'string';
  }
  const { message } = content;
  if (message !== undefined && !(typeof message === 'string' && lengthOf(message) <= maxText)) return false;
  if (!isExtra(content.extra)) return false;
  switch (content.type) {
    case 'text':
      return typeof message === 'string' && message !== '' && isAbsentOrEmpty(content.file_data);
    case 'file':
      return areFiles(content.file_data);
    case 'links':
      return typeof message === 'string' && areLinks(content.links);
    default:
      return false;
  }
}

function isAbsentOrEmpty(value: unknown): boolean {
  return value === undefined || (Array.isArray(value) && value.length === 0);
}

function isExtra(value: unknown): boolean {
  return value === undefined || (typeof value === 'string' && lengthOf(value) <= MAX_EXTRA);
}

function areFiles(value: unknown): boolean {
  if (!Array.isArray(value) || value.length < 1 || value.length > MAX_FILES) return false;
  const previews = value.filter((file) => isObject(file) && file.preview_url);
  return previews.length <= 1 && value.every(isFile);
}

function isFile(file: unknown): boolean {
  if (!isObject(file) || typeof file.name !== 'string' || file.name === '') return false;
  return (
    lengthOf(file.name) <= MAX_FILE_NAME &&
    isWebAddress(file.url) &&
    isSize(file.size) &&
    (file.mime_type === undefined || typeof file.mime_type === 'string') &&
    (file.preview_url === undefined || file.preview_url === '' || isWebAddress(file.preview_url))
  );
}

/** A size is a number, or one in a text, as in the documented samples. It is handed on as it came. */
function isSize(value: unknown): boolean {
  if (value === undefined || value === '') return true;
  if (typeof value !== 'number' && !(typeof value === 'string' && /^\d+$/.test(value))) return false;
  const size = Number(value);
  return Number.isSafeInteger(size) && size >= 0;
}

function areLinks(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(isLink);
}

function isLink(link: unknown): boolean {
  if (!isObject(link) || typeof link.name !== 'string' || link.name === '' || !isExtra(link.extra)) return false;
  return link.type === 'text' || (link.type === 'link' && isWebAddress(link.url));
}
