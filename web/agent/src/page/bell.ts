// The sound of a chat that waits for an answer. It is made here, so nothing has to be fetched for it.

let context: AudioContext | undefined;

/** Two soft strokes. Browsers are silent until the page was touched once. */
export function ring(): void {
  try {
    context ??= new AudioContext();
    void context.resume();
    stroke(context, 659.3, 0);
    stroke(context, 880, 0.18);
  } catch {
    // No sound here.
  }
}

function stroke(context: AudioContext, hertz: number, later: number): void {
  const at = context.currentTime + later;
  const tone = context.createOscillator();
  const volume = context.createGain();
  tone.frequency.value = hertz;
  volume.gain.setValueAtTime(0.0001, at);
  volume.gain.exponentialRampToValueAtTime(0.25, at + 0.02);
  volume.gain.exponentialRampToValueAtTime(0.0001, at + 0.5);
  tone.connect(volume).connect(context.destination);
  tone.start(at);
  tone.stop(at + 0.55);
}

/** A notification of the desktop, if it is wanted and the page is not looked at. */
export function notify(title: string, pressed: () => void): void {
  if (document.visibilityState === 'visible' || !('Notification' in window)) return;
  if (Notification.permission !== 'granted') return;
  try {
    const notification = new Notification(title, { tag: 'maru-offer' });
    notification.onclick = () => {
      window.focus();
      notification.close();
      pressed();
    };
  } catch {
    // Phones allow them to service workers alone.
  }
}

/** Asks once whether notifications are wanted. */
export function askToNotify(): void {
  if ('Notification' in window && Notification.permission === 'default') void Notification.requestPermission();
}
