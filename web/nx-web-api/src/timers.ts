// Timers by name: setting one anew ends the former.

import type { Cancel, Ports } from './ports';

/** The timers of a session or of its link. */
export class Timers<Name extends string> {
  private running = new Map<Name, Cancel>();

  constructor(private readonly ports: Pick<Ports, 'after'>) {}

  has(name: Name): boolean {
    return this.running.has(name);
  }

  set(name: Name, ms: number, what: () => void): void {
    this.unset(name);
    const cancel = this.ports.after(ms, () => {
      this.running.delete(name);
      what();
    });
    this.running.set(name, cancel);
  }

  unset(...names: Name[]): void {
    for (const name of names) {
      this.running.get(name)?.();
      this.running.delete(name);
    }
  }

  clear(): void {
    this.unset(...this.running.keys());
  }
}
