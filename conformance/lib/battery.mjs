// How long the battery plays.

/** How many rounds: `ROUNDS`, else what a test says. */
export function roundsOf(usual) {
  const asked = Number(process.env.ROUNDS ?? usual);
  if (!Number.isInteger(asked) || asked < 1) throw new Error(`ROUNDS is no number of rounds: ${process.env.ROUNDS}`);
  return asked;
}

/** Between `least` and `most`, whole; the short as likely as the long on a scale of orders of magnitude. */
export function drawn(least, most) {
  return Math.round(least * (most / least) ** Math.random());
}
