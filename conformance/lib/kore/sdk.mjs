// kore-web-sdk as published, in jsdom: its core alone, or its whole window. What jsdom lacks of a browser is added here
// and nothing else: matchMedia, scrolling, innerText, and enough of a layout to tell what is visible.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import { JSDOM, VirtualConsole } from 'jsdom';

import { until } from '../wait.mjs';

const require = createRequire(import.meta.url);

/** The bundle for a script element, and the plugin that uploads files. */
export const BUNDLE = require.resolve('kore-web-sdk/dist/umd/kore-web-sdk-umd-chat.min.js');
export const UPLOAD_PLUGIN = require.resolve('kore-web-sdk/dist/umd/plugins/file-upload-umd.js');

const scripts = new Map();

function script(path) {
  if (!scripts.has(path)) scripts.set(path, readFileSync(path, 'utf8'));
  return scripts.get(path);
}

/** A page at `url` with the SDK on it. Nothing is fetched for the page itself. */
class Page {
  /** What the page complained of. */
  complaints = [];

  constructor(url, paths) {
    const console = new VirtualConsole();
    console.on('jsdomError', (error) => this.complaints.push(String(error.detail?.stack ?? error.message)));
    this.dom = new JSDOM('<!doctype html><html lang="en"><body></body></html>', {
      url,
      runScripts: 'dangerously',
      pretendToBeVisual: true,
      virtualConsole: console,
      beforeParse: complete,
    });
    this.window = this.dom.window;
    for (const path of paths) {
      const element = this.window.document.createElement('script');
      element.textContent = script(path);
      this.window.document.head.append(element);
    }
  }

  close() {
    this.window.close();
  }
}

function complete(window) {
  window.matchMedia = () => ({ matches: false, addListener() {}, addEventListener() {} });
  window.scrollTo = () => {};
  window.Element.prototype.scrollTo = () => {};
  window.Element.prototype.getClientRects = function () {
    return this.isConnected && window.getComputedStyle(this).display !== 'none' ? [{}] : [];
  };
  Object.defineProperty(window.HTMLElement.prototype, 'innerText', {
    get() {
      return this.textContent;
    },
    set(text) {
      this.textContent = text;
    },
  });
}

/** `KoreBot`, the SDK's core, as an application without the vendor's window uses it. */
export class KoreCore {
  /** Every frame from the server, read, in order. */
  frames = [];

  /** How often its socket has opened. */
  opened = 0;

  /** Pages of history, as the SDK hands them on. */
  histories = [];

  /** What it reported to its application. */
  errors = [];

  #page;
  #lastId = Date.now();

  /**
   * @param {import('./app.mjs').KoreApp} app
   * @param {{ user?: string, at?: string, jwt?: () => string, options?: object }} [options] `at` is where it is pointed
   *   at, if not at the app's own address; `jwt` gives assertions; the rest of `options` is the SDK's
   */
  constructor(app, { user = 'ara', at = app.base, jwt, options = {} } = {}) {
    this.app = app;
    this.#page = new Page(`${at}/page`, [BUNDLE]);
    const { KoreChatSDK } = this.#page.window;
    this.bot = new KoreChatSDK.chatWindow().bot;
    this.options = {
      koreAPIUrl: `${at}/api/`,
      botInfo: app.botInfo(),
      enableAck: { delivery: true },
      assertionFn: (given, callback) => {
        given.assertion = jwt ? jwt() : app.assertion(user);
        callback(null, given);
      },
      handleError: (error) => this.errors.push(error),
      chatHistory: () => {},
      botDetails: (granted) => {
        this.granted = granted;
      },
      ...options,
    };
    this.bot.on('message', ({ data }) => this.frames.push(JSON.parse(data)));
    this.bot.on('open', () => (this.opened += 1));
    this.bot.on('history', (page) => this.histories.push(page));
  }

  /** Begins to connect. */
  start() {
    this.bot.init(this.options);
  }

  /** Connects, and waits until its socket is open. */
  async connect() {
    const before = this.opened;
    this.start();
    await until('the SDK to be connected', () => this.opened > before, { shown: () => this.errors });
    return this;
  }

  /** Sends a text. Gives the id that it was sent under. */
  say(text, more = {}) {
    const id = (this.#lastId += 1);
    this.bot.sendMessage({ clientMessageId: id, message: { body: text, ...more } }, (error) => {
      if (error?.message) this.errors.push(error.message);
    });
    return id;
  }

  /** Waits for a frame. */
  hear(what, accepts) {
    return until(what, () => this.frames.find(accepts), { shown: () => this.frames });
  }

  /** Waits for a message of the bot with this text. */
  heard(text) {
    return this.hear(`the bot to say ${text}`, (frame) => {
      return frame.type === 'bot_response' && frame.message[0].cInfo.body === text;
    });
  }

  /** The bot's texts, in order. */
  get said() {
    return this.frames.filter(({ type }) => type === 'bot_response').map(({ message }) => message[0].cInfo.body);
  }

  close() {
    this.bot.destroy();
    this.#page.close();
  }
}

/** The SDK's whole window. */
export class KoreWindow {
  /** Every frame that its socket sent and got, read, in order. */
  sent = [];
  frames = [];

  #page;

  /** Shows the window, and waits until one may write into it. */
  static async open(app, options = {}) {
    const shown = new KoreWindow(app, options);
    await until('the window to be ready', () => shown.isReady, { shown: () => [shown.banner, shown.complaints] });
    return shown;
  }

  /**
   * @param {import('./app.mjs').KoreApp} app
   * @param {{ user?: string, at?: string, upload?: boolean, jwt?: () => string, botOptions?: object, config?: object }}
   *   [options] `jwt` gives assertions, in the place of the development issuer; the last two are the SDK's
   */
  constructor(app, { user = 'ara', at = app.base, upload = false, jwt, botOptions = {}, config = {} } = {}) {
    this.#page = new Page(`${at}/page`, upload ? [BUNDLE, UPLOAD_PLUGIN] : [BUNDLE]);
    const { window } = this.#page;
    const { chatWindow, chatConfig } = window.KoreChatSDK;
    Object.assign(chatConfig, { minimizeMode: false, allowLocation: false }, config);
    Object.assign(chatConfig.botOptions, windowOptions(app, at, user), botOptions);
    if (jwt) {
      chatConfig.JWTAsertion = (done) => {
        this.instance.setJWT(jwt());
        done();
      };
    }
    this.watch(window);
    this.instance = new chatWindow();
    if (upload) {
      const { KoreFileUploaderPlugin } = window.FileUploadPluginSDK;
      this.instance.installPlugin(new KoreFileUploaderPlugin());
    }
    this.instance.show(chatConfig);
  }

  /** Listens on the page's sockets without touching what passes. */
  watch(window) {
    const Original = window.WebSocket;
    const seen = this;
    window.WebSocket = class extends Original {
      constructor(...args) {
        super(...args);
        this.addEventListener('message', ({ data }) => seen.frames.push(JSON.parse(data)));
      }

      send(data) {
        seen.sent.push(JSON.parse(data));
        super.send(data);
      }
    };
  }

  get document() {
    return this.#page.window.document;
  }

  get complaints() {
    return this.#page.complaints;
  }

  /** The error that the window shows, if it shows one. */
  get banner() {
    return this.document.querySelector('.errorMsgBlock.showError')?.textContent;
  }

  get isReady() {
    const footer = this.document.querySelector('.kore-chat-footer');
    return footer && !footer.classList.contains('disableFooter');
  }

  /** The bubbles, from the top: whose they are, and what they read. */
  get bubbles() {
    return [...this.document.querySelectorAll('.chat-container > li')].map((bubble) => ({
      id: bubble.id,
      own: bubble.classList.contains('fromCurrentUser'),
      text: read(bubble),
    }));
  }

  /** Their texts alone. */
  get texts() {
    return this.bubbles.map(({ text }) => text);
  }

  /** Waits until the last bubbles read `texts`. */
  shows(...texts) {
    return until(
      `the window to show ${texts.join(' / ')}`,
      () => {
        const seen = this.texts.slice(-texts.length);
        return texts.every((text, index) => seen[index] === text);
      },
      { shown: () => [this.texts, this.banner, this.complaints] },
    );
  }

  /** Writes into the box and presses Enter, as a person does. */
  type(text) {
    const box = this.document.querySelector('.chatInputBox');
    box.textContent = text;
    const { KeyboardEvent } = this.#page.window;
    const enter = { key: 'Enter', keyCode: 13, which: 13, bubbles: true, cancelable: true };
    box.dispatchEvent(new KeyboardEvent('keydown', enter));
  }

  /** Presses whatever button reads `label`: the last of them, if there are several. */
  async press(label) {
    const pressed = await until(
      `a button ${label}`,
      () => {
        const all = [...this.document.querySelectorAll('.chat-container [value]')];
        return all.filter((element) => element.textContent.trim() === label).at(-1);
      },
      { shown: () => this.texts },
    );
    pressed.dispatchEvent(new this.#page.window.MouseEvent('click', { bubbles: true, cancelable: true }));
  }

  /** Puts a file into the window's upload field. */
  choose(name, type, bytes) {
    const input = this.document.querySelector('#captureAttachmnts');
    const file = new this.#page.window.File([bytes], name, { type });
    Object.defineProperty(input, 'files', { configurable: true, value: [file] });
    input.dispatchEvent(new this.#page.window.Event('change', { bubbles: true }));
  }

  /** Scrolls to the top, which has the window fetch what was before. */
  scrollUp() {
    const container = this.document.querySelector('.chat-container');
    container.scrollTop = 0;
    container.dispatchEvent(new this.#page.window.Event('scroll'));
  }

  close() {
    this.instance.bot.destroy();
    this.#page.close();
  }
}

/** The options of the SDK's window that an owner of an app fills in. */
export function windowOptions(app, at, user) {
  return {
    koreAPIUrl: `${at}/api/`,
    JWTUrl: `${at}/api/users/sts`,
    botInfo: { name: 'Kit', _id: app.botId },
    clientId: app.clientId,
    clientSecret: app.clientSecret,
    userIdentity: user,
    enableAck: { delivery: true },
  };
}

/** What a bubble reads, its time left out. */
function read(bubble) {
  const copy = bubble.cloneNode(true);
  for (const extra of copy.querySelectorAll('.extra-info, .errorMsg')) extra.remove();
  return copy.textContent.replace(/\s+/g, ' ').trim();
}
