// What the agent chose, and a reload of the page finds. A page whose storage is denied works all the same.

import { type Language, speak } from './words.svelte';

interface Choices {
  language: Language;
  theme: 'light' | 'dark';
  sound: boolean;
}

const NAME = 'maru agent';

export const choices = $state<Choices>(first());

/** Applies what was chosen, and keeps it. To be called in the root's effect. */
export function keepChoices(): void {
  speak(choices.language);
  document.documentElement.dataset.theme = choices.theme;
  try {
    localStorage.setItem(NAME, JSON.stringify(choices));
  } catch {
    // Denied or full.
  }
}

function first(): Choices {
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const choice: Choices = {
    language: navigator.language.startsWith('ko') ? 'ko' : 'en',
    theme: dark ? 'dark' : 'light',
    sound: true,
  };
  try {
    const kept = JSON.parse(localStorage.getItem(NAME) ?? 'null') as Partial<Choices> | null;
    if (kept?.language === 'ko' || kept?.language === 'en') choice.language = kept.language;
    if (kept?.theme === 'light' || kept?.theme === 'dark') choice.theme = kept.theme;
    if (typeof kept?.sound === 'boolean') choice.sound = kept.sound;
  } catch {
    // Denied, or not ours.
  }
  return choice;
}

/** Drafts by chat; they end with the page. */
const drafts = new Map<string, { text: string; note: boolean }>();

export function draftOf(c: string): { text: string; note: boolean } {
  return drafts.get(c) ?? { text: '', note: false };
}

export function keepDraft(c: string, draft: { text: string; note: boolean }): void {
  if (draft.text === '' && !draft.note) drafts.delete(c);
  else drafts.set(c, draft);
}
