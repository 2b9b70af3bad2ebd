// Which Enter sends. With a Korean, Japanese or Chinese input method the Enter that ends a composition only ends it.

/** What a key press says; a part of `KeyboardEvent`. */
export interface Press {
  key: string;
  shiftKey: boolean;
  isComposing: boolean;
  keyCode: number;
}

/** The code of a key that the input method takes for itself. */
const TAKEN_BY_INPUT_METHOD = 229;

/** Watches a field's compositions. */
export class SendKey {
  private justComposed = false;

  /** A composition has ended. Safari tells so before the Enter that ended it, which is no Enter to send. */
  composed(): void {
    this.justComposed = true;
    setTimeout(() => {
      this.justComposed = false;
    }, 0);
  }

  /** Whether this press sends. */
  sends({ key, shiftKey, isComposing, keyCode }: Press): boolean {
    if (key !== 'Enter' || shiftKey) return false;
    return !isComposing && keyCode !== TAKEN_BY_INPUT_METHOD && !this.justComposed;
  }
}
