// A text cut into what is plain and what leads somewhere.

import { isWebAddress } from 'nx-web-api';

export interface Piece {
  text: string;
  /** An http or https address. */
  href?: string;
}

const ADDRESS = /https?:\/\/[^\s<>"'`]+/g;
/** Marks that end a sentence rather than an address. */
const TRAILING = /[.,;:!?)\]}’”…]+$/;

/** The pieces of `text`, in their order. */
export function piecesOf(text: string): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const { 0: found, index } of text.matchAll(ADDRESS)) {
    const href = found.replace(TRAILING, '');
    if (!isWebAddress(href)) continue;
    if (index > end) pieces.push({ text: text.slice(end, index) });
    pieces.push({ text: href, href });
    end = index + href.length;
  }
  if (end < text.length) pieces.push({ text: text.slice(end) });
  return pieces;
}
