// Several nodes of Maru on one PostgreSQL and one NATS, behind a proxy that sends each request to the next of them.
// To whoever talks to it, it is a server like another.

import { randomBytes } from 'node:crypto';
import { pathToFileURL } from 'node:url';

import { Maru } from './maru.mjs';
import { Nats } from './nats.mjs';
import { removeTemporary, temporaryFolder } from './paths.mjs';
import { Postgres } from './postgres.mjs';
import { Rest } from './rest.mjs';
import { RoundRobin } from './round-robin.mjs';
import { until } from './wait.mjs';
import { Wire } from './wire.mjs';

export class Cluster {
  /** The nodes, in the order in which they were started. */
  nodes = [];

  /** With `wired`: each node's lines to the store and to NATS. */
  wires = [];

  /**
   * @param {{ nodes?: number, wired?: boolean, storeUrl?: (postgres: Postgres, database: string) => string }} [options]
   *   `wired` puts a line that can fail between each node and its engines; `storeUrl` gives another address of the store
   */
  static async start(options = {}) {
    const cluster = new Cluster();
    try {
      await cluster.#up(options);
    } catch (error) {
      await cluster.remove();
      throw error;
    }
    return cluster;
  }

  async #up({ nodes: count = 3, wired = false, storeUrl }) {
    this.proxy = await RoundRobin.start();
    [this.postgres, this.nats] = await Promise.all([Postgres.start(), Nats.start()]);
    this.database = await this.postgres.database();
    this.blobs = temporaryFolder('blobs');
    // What all nodes have in common.
    const shared = {
      MARU_INSTANCE_KEY: randomBytes(32).toString('base64'),
      MARU_CALLBACK_URL: this.proxy.url,
    };
    for (let number = 1; number <= count; number += 1) {
      let [store, hints] = [this.postgres.url(this.database), this.nats.url()];
      if (wired) {
        const wire = { store: await Wire.to(this.postgres.port), hints: await Wire.to(this.nats.port) };
        this.wires.push(wire);
        [store, hints] = [this.postgres.url(this.database, wire.store.port), this.nats.url(wire.hints.port)];
      }
      if (storeUrl) store = storeUrl(this.postgres, this.database);
      const name = `node-${number}`;
      // The address of the store holds a password, which would stand in the list of processes.
      const args = ['--store', 'env:CLUSTER_STORE', '--hints', hints, '--blobs', pathToFileURL(this.blobs).href];
      this.nodes.push(new Maru({ name, args, env: { ...shared, CLUSTER_STORE: store, MARU_NODE__NAME: name } }));
    }
    const [first, ...others] = this.nodes;
    await first.up();
    await Promise.all(others.map((node) => node.up()));
    this.proxy.targets = this.nodes.map((node) => node.listen);
    await this.allReady();
  }

  /** Where clients are pointed at: the proxy. */
  get url() {
    return this.proxy.url;
  }

  get directLine() {
    return `${this.url}/v3/directline`;
  }

  /** The bot and the Direct Line secret that the fresh realm was given. */
  get bot() {
    return this.nodes[0].bot;
  }

  get secret() {
    return this.nodes[0].secret;
  }

  /** Runs a verb of the command line against the first node. */
  cli(...args) {
    return this.nodes[0].cli(...args);
  }

  /** Waits until every node takes work, and hears the others. */
  async allReady(nodes = this.nodes) {
    await Promise.all(nodes.map((node) => until(`${node.name} to be ready`, async () => {
      const { code, hints } = await node.readiness();
      return code === 200 && hints === 'connected';
    }, { timeoutMs: 30_000, everyMs: 50 })));
  }

  /** Waits until every node knows a door: what is made on one is known to the others within a second. */
  async allKnow(secret) {
    await Promise.all(this.nodes.map((node) => until(`${node.name} to know the door`, async () => {
      return (await new Rest(node.directLine, secret).generate()).status === 200;
    })));
  }

  /** Ends everything and throws the data away. */
  async remove() {
    this.proxy?.close();
    await Promise.all(this.nodes.map((node) => node.kill()));
    await Promise.all(this.nodes.map((node) => node.remove()));
    for (const { store, hints } of this.wires) {
      store.close();
      hints.close();
    }
    await Promise.all([this.postgres?.remove(), this.nats?.stop()]);
    if (this.blobs) removeTemporary(this.blobs);
  }
}
