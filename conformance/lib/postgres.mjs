// A PostgreSQL of a test's own: Debian's, on a free port of the loopback interface, with its data in a temporary folder.

import { execFile, execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { removeTemporary, temporaryFolder } from './paths.mjs';
import { Child, freePort } from './process.mjs';
import { until } from './wait.mjs';

const run = promisify(execFile);

/** Where Debian keeps one folder for each version. */
const VERSIONS = '/usr/lib/postgresql';

const USER = 'maru';

/** How long it may take to recover after it was killed under load. */
const RECOVERY_MS = 60_000;

/** How long it may take to end when this process has no time left. */
const LAST_MS = 5_000;

/** The folder with the programs of the newest version here. */
function programs() {
  const versions = existsSync(VERSIONS) ? readdirSync(VERSIONS) : [];
  const newestFirst = versions.toSorted((a, b) => Number(b) - Number(a));
  const folders = newestFirst.map((version) => join(VERSIONS, version, 'bin'));
  const found = folders.find((bin) => existsSync(join(bin, 'initdb')));
  if (!found) throw new Error(`no PostgreSQL below ${VERSIONS}: run \`apt-get install postgresql\``);
  return found;
}

/** Whom it runs as: it refuses to be root, so root makes it somebody else. */
function account() {
  if (process.getuid() !== 0) return {};
  const id = (flag, name) => Number(execFileSync('id', [flag, name], { stdio: ['ignore', 'pipe', 'ignore'] }));
  for (const name of ['postgres', 'nobody']) {
    try {
      return { uid: id('-u', name), gid: id('-g', name) };
    } catch {
      // The next one.
    }
  }
  throw new Error('PostgreSQL does not run as root, and there is no user postgres or nobody');
}

/** A running server. Stopping it and starting it again keep its data and its port. */
export class Postgres {
  #child;

  /** Starts a fresh one. */
  static async start() {
    const postgres = new Postgres();
    const secret = join(postgres.folder, 'secret');
    writeFileSync(secret, postgres.password);
    postgres.#own(secret);
    const options = ['--auth=scram-sha-256', `--pwfile=${secret}`, '--encoding=UTF8', '--locale=C', '--no-sync'];
    await postgres.#program('initdb', ['-D', postgres.data, '-U', USER, ...options]);
    await postgres.up();
    return postgres;
  }

  /** @param {string} [password] a standby has its primary's */
  constructor(password = randomUUID()) {
    this.password = password;
    this.bin = programs();
    this.account = account();
    this.folder = temporaryFolder('pg');
    this.data = join(this.folder, 'data');
    mkdirSync(this.data, { mode: 0o700 });
    this.#own(this.folder);
    this.#own(this.data);
  }

  /** Starts the server on the data that is there, and returns once it answers. */
  async up() {
    this.port ??= await freePort();
    const settings = ['listen_addresses=127.0.0.1', 'max_wal_senders=4', 'max_connections=120', 'log_min_messages=warning'];
    const args = ['-D', this.data, '-p', String(this.port), '-k', this.folder, ...settings.flatMap((text) => ['-c', text])];
    this.#child = new Child('postgres', join(this.bin, 'postgres'), args, {
      ...this.account,
      cwd: this.folder,
      endNow: (child) => this.#endNow(child),
    });
    const child = this.#child;
    await until('PostgreSQL', () => child.end ?? this.sql('SELECT 1'), { timeoutMs: RECOVERY_MS, everyMs: 50 });
    if (child.end) throw child.failure('ended early');
    return this;
  }

  /** The address of a database, with the password in it; `ports` may be those of something in between, or of several. */
  url(database = 'postgres', ...ports) {
    const hosts = (ports.length > 0 ? ports : [this.port]).map((port) => `127.0.0.1:${port}`);
    return `postgres://${USER}:${this.password}@${hosts}/${database}`;
  }

  /** Runs a statement, and gives its rows as text, columns with `|` between. */
  async sql(statement, database) {
    const answer = await this.#program('psql', [
      '-XAtq', '-v', 'ON_ERROR_STOP=1', '-c', statement, this.#plainUrl(database),
    ]);
    return answer.stdout.trim();
  }

  /** Makes an empty database, and gives its name. */
  async database() {
    const name = `d_${randomUUID().replaceAll('-', '')}`;
    await this.sql(`CREATE DATABASE ${name}`);
    return name;
  }

  /** Ends it in the middle of everything, as `immediate` does: connections break, and the next start recovers. */
  async stop() {
    await this.#child?.stop({ signal: 'SIGQUIT' });
  }

  /** Makes a server that follows this one, at `port`, and has every commit here wait until that one has it, too. */
  async standby(port) {
    const standby = new Postgres(this.password);
    standby.port = port;
    rmSync(standby.data, { recursive: true });
    await this.#program('pg_basebackup', [
      '-D', standby.data, '-R', '-X', 'stream', '-c', 'fast', '--no-sync', '-d', this.#plainUrl(),
    ]);
    await standby.up();
    await this.sql("ALTER SYSTEM SET synchronous_standby_names = '*'");
    await this.sql('SELECT pg_reload_conf()');
    await until('the standby to be waited for', async () => {
      const states = await this.sql('SELECT sync_state FROM pg_stat_replication');
      return states === 'sync';
    });
    return standby;
  }

  /** Has a standby take writes from now on. Whoever it followed must be dead. */
  async promote() {
    await this.sql('SELECT pg_promote(true, 60)');
  }

  /** Ends it and throws its data away. */
  async remove() {
    await this.stop();
    removeTemporary(this.folder);
  }

  /** Runs one of its programs as its user. Arguments stand in the list of processes, so the password is none. */
  #program(name, args) {
    const env = { ...process.env, PGPASSWORD: this.password };
    return run(join(this.bin, name), args, { ...this.account, cwd: this.folder, env });
  }

  #plainUrl(database) {
    return this.url(database).replace(`:${this.password}@`, '@');
  }

  #own(path) {
    if (this.account.uid !== undefined) chownSync(path, this.account.uid, this.account.gid);
  }

  /** A SIGKILL would leave its processes and its shared memory behind: it is told to end at once, and waited for. */
  #endNow(child) {
    child.signal('SIGQUIT');
    const pause = new Int32Array(new SharedArrayBuffer(4));
    const deadline = performance.now() + LAST_MS;
    while (isRunning(child.pid) && performance.now() < deadline) Atomics.wait(pause, 0, 0, 20);
  }
}

/** Whether a process is there and has not ended. One that nobody waits for stays as a zombie. */
function isRunning(pid) {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
