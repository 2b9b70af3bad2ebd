// The conversation as a text file.

import type { Texts } from './texts';
import { type Line, wordsOf } from './transcript';

/** Who wrote a line, for people. */
export function nameOf(line: Line & { is: 'said' }, texts: Texts): string {
  if (line.own) return texts.me;
  const kind = { customer: texts.me, agent: texts.agent, bot: texts.bot, system: texts.system }[line.from.kind];
  return line.from.name || kind;
}

/** What a notice says. */
export function noticeText({ what, name }: Line & { is: 'notice' }, texts: Texts): string {
  const who = name || texts.agent;
  return {
    joined: texts.joined(who),
    left: texts.left(who),
    transferred: texts.transferred(name),
    forwarded: texts.forwarded,
    held: texts.heldNotice,
    resumed: texts.resumedNotice,
  }[what];
}

/** All lines that the server has, one after the other. */
export function savedText(lines: readonly Line[], texts: Texts): string {
  const rows = lines.flatMap((line) => {
    if (line.is === 'notice') return [`-- ${noticeText(line, texts)}`];
    if (line.state !== 'sent') return [];
    const time = line.at ? `[${new Date(line.at).toLocaleString()}] ` : '';
    return [`${time}${nameOf(line, texts)}: ${wordsOf(line.content)}`];
  });
  return `${rows.join('\r\n')}\r\n`;
}
