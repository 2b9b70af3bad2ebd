// Where things are, seen from this workspace.

import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder `conformance/`. */
export const HOME = dirname(dirname(fileURLToPath(import.meta.url)));

/** The repository's root. */
export const REPOSITORY = dirname(HOME);

/** Logs, screenshots and data folders of the last run. Ignored by git. */
export const OUT = join(HOME, 'out');

/** The Python of the virtual environment that `setup.sh` makes. */
export const PYTHON = join(HOME, '.venv', 'bin', 'python');

/** A folder below `out/`, made if need be. */
export function outFolder(...parts) {
  const folder = join(OUT, ...parts);
  mkdirSync(folder, { recursive: true });
  return folder;
}

const temporary = new Set();

// Whatever happens to a test, its data goes with its process.
process.on('exit', () => temporary.forEach(removeTemporary));

/**
 * An empty folder that is thrown away with the process, if not before. It is not below `out/`, where its name might be too
 * long for a socket.
 */
export function temporaryFolder(what) {
  const folder = mkdtempSync(join(tmpdir(), `maru-${what}-`));
  temporary.add(folder);
  return folder;
}

/** Throws such a folder away now. */
export function removeTemporary(folder) {
  temporary.delete(folder);
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

/**
 * The server under test: `MARU_BIN`, else the build that is newest. A suite that finds none fails, since a conformance
 * run without a server would prove nothing.
 */
export function maruBinary() {
  if (process.env.MARU_BIN) return resolve(process.env.MARU_BIN);
  const target = process.env.CARGO_TARGET_DIR ?? join(REPOSITORY, 'target');
  const built = ['release', 'debug'].map((profile) => join(target, profile, 'maru')).filter((path) => existsSync(path));
  if (built.length === 0) throw new Error('no maru binary: run `cargo build --bin maru`, or name one with MARU_BIN');
  return built.sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
}

/** The example in Rust, built beside the server under test. */
export function lunchVoteBinary() {
  const path = join(dirname(maruBinary()), 'lunch-vote');
  if (!existsSync(path)) throw new Error(`no ${path}: run \`cargo build --bin maru --bin lunch-vote\``);
  return path;
}

/** A Chromium: `CHROMIUM`, else the first one that Debian or Fedora would install. */
export function chromiumBinary() {
  const known = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
  const found = known.find((path) => path && existsSync(path));
  if (!found) throw new Error('no Chromium: run `apt-get install chromium`, or name one with CHROMIUM');
  return found;
}
