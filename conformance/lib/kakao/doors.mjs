// The bots and channels of KakaoTalk and TalkTalk, made on the command line. The one place that knows these verbs.

/** A setting as it stands on the command line. An empty text has to be quoted: nothing at all takes a setting away. */
const text = (value) => (typeof value === 'string' && value !== '' ? value : JSON.stringify(value));

const pairs = (settings) => Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${text(value)}`]);

/**
 * Makes a partner server known, with a Direct Line door in front of it.
 *
 * @param {object} maru
 * @param {{ name: string, url: string }} partner
 * @param {Record<string, unknown>} [settings] the bot's
 * @returns {Promise<{ bot: string, channel: string, secret: string }>}
 */
export async function addPartner(maru, { name, url }, settings = {}) {
  const bot = await maru.cli('bot', 'add', name, '--kind', 'plus-friend', ...pairs({ url, ...settings }));
  const channel = await maru.cli('channel', 'add', '--kind', 'direct-line', '--bot', bot.id);
  return { bot: bot.id, channel: channel.id, secret: channel.secrets[0] };
}

/**
 * Opens a channel of one of the messengers in front of a bot.
 *
 * @param {object} maru
 * @param {'kakao-skill' | 'kakao-plus-friend' | 'naver-talktalk'} kind
 * @param {string} bot its id
 * @param {Record<string, unknown>} [settings]
 * @returns {Promise<{ channel: string, path: string, secret?: string }>} the path that the platform is told, and a skill's
 *   secret
 */
export async function addDoor(maru, kind, bot, settings = {}) {
  const made = await maru.cli('channel', 'add', '--kind', kind, '--bot', bot, ...pairs(settings));
  const path = {
    'kakao-skill': '/kakao/skill/',
    'kakao-plus-friend': '/kakao/plus-friend/',
    'naver-talktalk': '/naver/',
  }[kind];
  return { channel: made.id, path: `${path}${made.settings.id}`, secret: made.secrets?.[0] };
}

/** What a bot's owner is told: how it stands, and what was wrong with its answers. */
export const reportsOf = (maru, bot) => maru.cli('bot', 'reports', bot);

/** The labels of what an activity suggests. */
export const labels = ({ suggestedActions }) => suggestedActions?.actions.map(({ value }) => value) ?? [];
