// A step of a scenario: what it shows, and what pressing one of its buttons says.

import { type Content, isObject, isWebAddress } from 'nx-web-api';

import { listOf, text } from './transcript';

export interface Choice {
  keyword: string;
  menu: string;
  title: string;
  about: string;
}

export interface Step {
  title: string;
  about: string;
  /** Where more is to be read; empty if nowhere. */
  url: string;
  choices: Choice[];
  /** Ways on: back to the start, or to the next page of a long menu. */
  tail: Choice[];
  scenario: string;
}

/** The step in `content`; `undefined` if it is none, or one that the customer has chosen. */
export function stepOf(content: Content): Step | undefined {
  if (content.TYPE !== 'SCENARIO' || !isObject(content.MESSAGE)) return undefined;
  const step = content.MESSAGE;
  return {
    title: text(step.TITLE) || text(content.NAME),
    about: lines(text(step.DESC)),
    url: isWebAddress(step.URL) ? step.URL : '',
    choices: listOf(step.BUTTONS).map(choiceOf),
    tail: listOf(step.TAIL).map(choiceOf),
    scenario: text(step.SCENARIO) || 'CHAT',
  };
}

/** What is said by a choice. */
export function chosen(step: Step, { keyword, menu }: Choice): Content {
  return { TYPE: 'SCENARIO', MESSAGE: { SCENARIO: step.scenario, KEYWORD: keyword, MENU_ID: menu } };
}

/** What the customer chose, as it was named to them; empty if `content` is no choice. */
export function keywordOf(content: Content): string {
  return content.TYPE === 'SCENARIO' && isObject(content.MESSAGE) ? text(content.MESSAGE.KEYWORD) : '';
}

function choiceOf(button: Record<string, unknown>): Choice {
  const keyword = text(button.KEYWORD);
  return { keyword, menu: text(button.MENU_ID), title: text(button.TITLE) || keyword, about: lines(text(button.TEXT)) };
}

/** Old scenarios write the end of a line as a backslash and an n. */
function lines(value: string): string {
  return value.replace(/\\n\s?/g, '\n');
}
