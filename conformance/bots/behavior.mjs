// What the JavaScript bots do, in terms that both SDKs share: a turn context with sendActivity, updateActivity and
// deleteActivity. What they do not share is handed in as `sdk`.

import { setTimeout as sleep } from 'node:timers/promises';

/**
 * @typedef {object} Sdk what differs between the SDKs
 * @property {(fields: object) => object} activity makes an activity of the SDK's own kind
 * @property {(context: object) => Promise<object[]>} members
 * @property {(context: object) => Promise<object[]>} pagedMembers
 * @property {(context: object) => (talk: (context: object) => Promise<void>) => Promise<void>} later what it gives runs
 *   `talk` in this conversation, outside any turn
 * @property {(context: object, talk: (context: object) => Promise<void>) => Promise<string>} elsewhere runs `talk` in a
 *   conversation that it asks for with the same user, and returns that conversation's id
 */

const say = (sdk, context, text) => context.sendActivity(sdk.activity({ type: 'message', text }));

const list = (accounts) => accounts.map((account) => account.id).sort().join(', ');

/** The texts that are commands: the word, and what it does with the words after it. */
const commands = {
  async many(sdk, context, count) {
    for (let n = 1; n <= Number(count); n++) await say(sdk, context, `answer ${n} of ${count}`);
  },

  async typing(sdk, context) {
    await context.sendActivity(sdk.activity({ type: 'typing' }));
    await sleep(200);
    await say(sdk, context, 'done typing');
  },

  async update(sdk, context) {
    const { id } = await say(sdk, context, 'before');
    await sleep(300);
    await context.updateActivity(sdk.activity({ type: 'message', id, text: 'after' }));
  },

  async delete(sdk, context) {
    const { id } = await say(sdk, context, 'to be deleted');
    await sleep(300);
    await context.deleteActivity(id);
  },

  async card(sdk, context) {
    await context.sendActivity(sdk.activity({
      type: 'message',
      text: 'pick one',
      attachments: [{
        contentType: 'application/vnd.microsoft.card.hero',
        content: { title: 'A hero', text: 'of few words', buttons: [{ type: 'imBack', title: 'Bow', value: 'bow' }] },
      }],
      suggestedActions: {
        to: [context.activity.from.id],
        actions: [{ type: 'imBack', title: 'Tea', value: 'tea' }, { type: 'imBack', title: 'Rice', value: 'rice' }],
      },
    }));
  },

  async members(sdk, context) {
    await say(sdk, context, `members: ${list(await sdk.members(context))}`);
  },

  async paged(sdk, context) {
    await say(sdk, context, `paged: ${list(await sdk.pagedMembers(context))}`);
  },

  async proactive(sdk, context) {
    // Not awaited: what is proactive comes after the turn has ended, when its context may no longer be used.
    const later = sdk.later(context);
    sleep(300)
      .then(() => later((there) => say(sdk, there, 'proactive hello')))
      .catch((error) => console.error('proactive', error));
  },

  async create(sdk, context) {
    const id = await sdk.elsewhere(context, (there) => say(sdk, there, 'created hello'));
    await say(sdk, context, `created ${id}`);
  },

  async stream(sdk, context, ...words) {
    // Each piece holds the text so far, as Web Chat's livestreaming has it.
    let streamId;
    for (let count = 1; count < words.length; count++) {
      const channelData = { streamType: 'streaming', streamSequence: count, ...(streamId ? { streamId } : {}) };
      const text = words.slice(0, count).join(' ');
      const sent = await context.sendActivity(sdk.activity({ type: 'typing', text, channelData }));
      streamId ??= sent.id;
      await sleep(200);
    }
    const channelData = { streamType: 'final', streamId };
    await context.sendActivity(sdk.activity({ type: 'message', text: words.join(' '), channelData }));
  },

  async slow(sdk, context, milliseconds) {
    await sleep(Number(milliseconds));
    await say(sdk, context, 'slow done');
  },

  async human(sdk, context) {
    await context.sendActivity(sdk.activity({ type: 'event', name: 'handoff.initiate', value: {} }));
  },

  async throw(_sdk, _context) {
    throw new Error('thrown on request');
  },
};

async function files(sdk, context, attachments) {
  const sizes = await Promise.all(attachments.map(async ({ name, contentUrl }) => {
    const answer = await fetch(contentUrl);
    if (!answer.ok) return `${name}:status ${answer.status}`;
    return `${name}:${(await answer.arrayBuffer()).byteLength}`;
  }));
  await say(sdk, context, `got ${sizes.length} files: ${sizes.sort().join(', ')}`);
}

/** Answers a `message`. @param {Sdk} sdk */
export async function onMessage(sdk, context) {
  const { text = '', attachments = [] } = context.activity;
  const sent = attachments.filter((attachment) => attachment.contentUrl);
  if (sent.length > 0) {
    await files(sdk, context, sent);
    if (text === 'mirror') await context.sendActivity(sdk.activity({ type: 'message', attachments: sent }));
    return;
  }
  const [word, ...rest] = text.trim().split(/\s+/);
  // Only the whole text is a command: "typing is hard" is echoed.
  const isCommand = Object.hasOwn(commands, word) && (word === 'stream' || commands[word].length === rest.length + 2);
  await (isCommand ? commands[word](sdk, context, ...rest) : say(sdk, context, `echo: ${text}`));
}

/** Greets each user who joined, never the bot itself. @param {Sdk} sdk */
export async function onMembersAdded(sdk, context) {
  for (const member of context.activity.membersAdded ?? []) {
    if (member.id !== context.activity.recipient.id) await say(sdk, context, `welcome ${member.id}`);
  }
}

/** Names an event. @param {Sdk} sdk */
export async function onEvent(sdk, context) {
  await say(sdk, context, `event ${context.activity.name}`);
}

/** What an invoke is answered with: its status and body. */
export function invoked({ name, value }) {
  if (name !== 'sum') return { status: 501 };
  return { status: 200, body: { sum: value.reduce((a, b) => a + b, 0) } };
}
