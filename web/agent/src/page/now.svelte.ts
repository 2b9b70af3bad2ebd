// A clock for what is shown: it moves once a second.

let now = $state(Date.now());

/** Keeps it going; gives what ends it. */
export function tick(): () => void {
  const timer = setInterval(() => (now = Date.now()), 1_000);
  return () => clearInterval(timer);
}

export function wallClock(): number {
  return now;
}

/** How many seconds ago that was, by the server's clock. */
export function secondsSince(at: string, ahead: number): number {
  return (now + ahead - Date.parse(at)) / 1_000;
}
