// Somebody at a client of some protocol, as any of them is to a play: who says a text or presses what is offered, and reads
// what is answered. `{ text, choices }`.

import { frameText, template } from '../kore/socket.mjs';
import { until } from '../wait.mjs';
import { labels } from './doors.mjs';
import { textsOf } from './skill.mjs';

/** At botframework-directlinejs. @param {import('../client.mjs').Client} client connected */
export function atDirectLine(client) {
  const says = async (text) => {
    const answer = await client.ask(text);
    return { text: answer.text, choices: labels(answer) };
  };
  // What is suggested is said, as every client does.
  return { says, presses: says };
}

/** A text without its spaces and lines, which a window breaks as it likes. */
const bare = (text) => text.replace(/\s/g, '');

/** At kore-web-sdk's window. @param {import('../kore/sdk.mjs').KoreWindow} shown */
export function atKoreWindow(shown) {
  const answers = () => shown.frames.filter(({ type }) => type === 'bot_response');
  const answered = async (act) => {
    const before = answers().length;
    await act();
    const frame = await until('an answer', () => answers()[before], { shown: () => shown.texts });
    const words = bare(frameText(frame));
    await until('the window to show it', () => bare(shown.texts.at(-1)).startsWith(words), {
      shown: () => shown.texts,
    });
    return { text: frameText(frame), choices: (template(frame)?.quick_replies ?? []).map(({ title }) => title) };
  };
  return {
    says: (text) => answered(() => shown.type(text)),
    presses: (label) => answered(() => shown.press(label)),
  };
}

/** At KakaoTalk, by a skill. @param {import('./skill.mjs').SkillUser} user */
export function atSkill(user) {
  let offered = [];
  const read = (answer) => {
    offered = answer.template.quickReplies ?? [];
    return { text: textsOf(answer).at(-1), choices: offered.map(({ label }) => label) };
  };
  return {
    says: async (text) => read(await user.says(text)),
    presses: async (label) => read(await user.presses(offered.find((each) => each.label === label))),
  };
}

/** At KakaoTalk as it was, by the auto reply API. @param {import('./platform.mjs').Platform} platform */
export function atPlatform(platform, key) {
  const says = async (text) => {
    const { message, keyboard } = await platform.says(key, text);
    return { text: message.text, choices: keyboard.buttons ?? [] };
  };
  return { says, presses: says };
}

/** At TalkTalk. @param {import('./talktalk.mjs').TalkTalkUser} user who has been greeted by `greetings` events */
export function atTalkTalk(user, greetings) {
  let seen = greetings;
  let offered = [];
  const answered = async (act) => {
    await act();
    seen += 1;
    const { textContent } = (await user.told(seen))[seen - 1];
    offered = textContent.quickReply?.buttonList ?? [];
    return { text: textContent.text, choices: offered.map(({ data }) => data.title) };
  };
  return {
    says: (text) => answered(() => user.says(text)),
    presses: (label) => answered(() => user.presses(offered.find(({ data }) => data.title === label))),
  };
}
