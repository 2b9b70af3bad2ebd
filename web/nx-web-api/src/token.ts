// Texts that nobody guesses.

const LETTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** A random byte above this would favor the first letters. */
const FAIR = 256 - (256 % LETTERS.length);

/** So many random letters and digits. */
export function token(length: number): string {
  let letters = '';
  while (letters.length < length) {
    for (const byte of crypto.getRandomValues(new Uint8Array(length))) {
      if (byte < FAIR && letters.length < length) letters += LETTERS.charAt(byte % LETTERS.length);
    }
  }
  return letters;
}
