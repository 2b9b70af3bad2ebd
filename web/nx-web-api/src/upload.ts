// Sending a file: it goes to the server first, and the message then names it.

import { MAX_FILE_NAME, lengthOf } from './content';
import type { Upload } from './frames';

/** A file as a message names it. */
export interface FileEntry {
  name: string;
  size?: number;
  url: string;
  mime_type?: string;
  preview_url?: string;
}

/** Sends `file`, telling how much of it is there (0 to 1). Fails with the server's code. */
export function uploadFile(
  { url, token }: Upload,
  socketUrl: string,
  file: File,
  progress?: (share: number) => void,
  signal?: AbortSignal,
): Promise<FileEntry> {
  const address = new URL(url, socketUrl.replace(/^ws/, 'http')).href;
  return new Promise((done, failed) => {
    // Not fetch, which does not tell how much is there.
    const request = new XMLHttpRequest();
    request.open('POST', address);
    request.setRequestHeader('Authorization', `Bearer ${token}`);
    request.responseType = 'json';
    request.upload.onprogress = ({ loaded, total }) => progress?.(total > 0 ? loaded / total : 0);
    request.onload = () => {
      const answer = request.response as (FileEntry & { error?: { code?: unknown } }) | null;
      if (request.status === 200 || request.status === 201) return done(absolute(answer as FileEntry, address));
      const code = answer?.error?.code;
      failed(new Error(typeof code === 'string' ? code : codeOf(request.status)));
    };
    request.onerror = () => failed(new Error('link_lost'));
    request.onabort = () => failed(new Error('aborted'));
    signal?.addEventListener('abort', () => request.abort());
    const form = new FormData();
    form.append('file', file, file.name);
    request.send(form);
  });
}

/** `name`, cut so that a message takes it; what follows its last dot stays. */
export function shortName(name: string): string {
  const composed = name.normalize('NFC');
  if (lengthOf(composed) <= MAX_FILE_NAME) return composed;
  const dot = composed.lastIndexOf('.');
  const end = Array.from(dot > 0 ? composed.slice(dot) : '');
  if (end.length >= MAX_FILE_NAME) return Array.from(composed).slice(0, MAX_FILE_NAME).join('');
  const start = Array.from(dot > 0 ? composed.slice(0, dot) : composed);
  return [...start.slice(0, MAX_FILE_NAME - end.length - 1), '…', ...end].join('');
}

/** Addresses of the answer may be paths at the server that took the file. */
function absolute(entry: FileEntry, base: string): FileEntry {
  const answer = { ...entry, name: shortName(entry.name), url: new URL(entry.url, base).href };
  if (entry.preview_url) answer.preview_url = new URL(entry.preview_url, base).href;
  return answer;
}

function codeOf(status: number): string {
  if (status === 413) return 'too_long';
  if (status === 415) return 'bad_type';
  if (status === 429) return 'rate';
  if (status === 401 || status === 403) return 'expired';
  return 'internal';
}
