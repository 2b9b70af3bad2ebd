// Customers and agents at their pages. Each agent has a browser of their own, as people do.

import { Browser } from '../browser.mjs';
import { until } from '../wait.mjs';

/** A customer at `webchat.html`. */
export class Customer {
  /** Everything that came over the page's sockets. */
  frames = [];

  static async visit(browser, address) {
    const customer = new Customer();
    customer.page = await browser.visit('about:blank');
    customer.page.on('websocket', (socket) => {
      socket.on('framereceived', ({ payload }) => customer.frames.push(payload));
    });
    await customer.page.goto(address);
    return customer;
  }

  /** Waits until the page's head says how the call stands. */
  async stands(text) {
    await this.page.locator('header [role=status]', { hasText: text }).waitFor();
  }

  async says(text) {
    const field = this.page.getByRole('textbox', { name: 'Message' });
    await field.fill(text);
    await field.press('Enter');
  }

  /** Waits until the page shows this somewhere. */
  async sees(text) {
    await this.page.locator('main').getByText(text).last().waitFor();
  }

  bubbles() {
    return this.page.locator('.bubble').allInnerTexts();
  }
}

/** An agent at `/agent/`. */
export class Agent {
  static async signIn(maru, dn) {
    const agent = new Agent();
    agent.browser = await Browser.open();
    agent.page = await agent.browser.visit(`${maru.url}/agent/`);
    await agent.page.setViewportSize({ width: 1280, height: 800 });
    const { name, password } = maru.agents.find((known) => known.dn === dn);
    await agent.page.getByLabel('Name', { exact: true }).fill(name);
    await agent.page.getByLabel('Password').fill(password);
    await agent.page.getByRole('button', { name: 'Sign in' }).click();
    await agent.page.getByText('Connected', { exact: true }).waitFor();
    return agent;
  }

  async ready() {
    await this.page.locator('header').getByRole('button', { name: 'Ready', exact: true }).click();
    await until('the agent to be ready', async () => {
      return (await this.page.locator('header .state.isReady').count()) > 0;
    });
  }

  async notReady() {
    await this.page.locator('header .state').click();
    await this.page.getByRole('menuitem', { name: 'Not ready', exact: true }).click();
    await this.page.locator('header').getByRole('button', { name: 'Ready', exact: true }).waitFor();
  }

  get offer() {
    return this.page.getByRole('alertdialog');
  }

  /** Accepts what is offered, and looks at it. */
  async accepts() {
    try {
      await this.offer.first().getByRole('button', { name: 'Accept' }).click();
    } catch (error) {
      throw new Error(`nothing is offered; the page says: ${await this.page.locator('body').innerText()}`, { cause: error });
    }
    await this.log.waitFor();
  }

  get log() {
    return this.page.getByRole('log', { name: 'Conversation' });
  }

  async says(text) {
    const field = this.page.getByRole('textbox', { name: 'A message to the customer' });
    await field.fill(text);
    await field.press('Enter');
  }

  async notes(text) {
    await this.page.getByRole('button', { name: 'Note', exact: true }).click();
    const field = this.page.getByRole('textbox', { name: 'A note that only agents see' });
    await field.fill(text);
    await field.press('Enter');
    await this.page.getByRole('button', { name: 'Reply', exact: true }).click();
  }

  async sees(text) {
    await this.log.getByText(text).last().waitFor();
  }

  async transfers(dn) {
    await this.page.getByRole('button', { name: 'Transfer', exact: true }).click();
    const dialog = this.page.getByRole('dialog');
    await dialog.locator(`input[value="${dn}"]`).check();
    await dialog.getByRole('button', { name: 'Transfer' }).click();
  }

  async ends() {
    await this.page.getByRole('button', { name: 'End chat', exact: true }).click();
    await this.page.getByRole('dialog').getByRole('button', { name: 'End chat' }).click();
    await this.page.getByRole('button', { name: 'Wrap-up done' }).click();
  }

  async close() {
    await this.browser?.close();
  }
}
