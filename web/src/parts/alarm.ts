// What reaches somebody who looks elsewhere: a sound, and a notification of the system where they want one.

import { keep, kept } from '../api/kept';

const RUNG = 'rankedhonor.rung';

let sound: AudioContext | undefined;

/** Called as somebody presses a button: only then a page may make itself heard later. */
export function allowSound(): void {
  try {
    sound ??= new AudioContext();
    void sound.resume().catch(() => undefined);
  } catch {
    // A machine without sound.
  }
}

/** Two short notes, the second higher. */
function beep(): void {
  allowSound();
  if (sound?.state !== 'running') return;
  for (const [pitch, after] of [
    [660, 0],
    [880, 0.18],
  ] as const) {
    const at = sound.currentTime + after;
    const [tone, volume] = [sound.createOscillator(), sound.createGain()];
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0.0001, at);
    volume.gain.exponentialRampToValueAtTime(0.2, at + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, at + 0.16);
    tone.connect(volume).connect(sound.destination);
    tone.start(at);
    tone.stop(at + 0.17);
  }
}

/** Whether it can be asked for notifications yet. */
export function canAsk(): boolean {
  return 'Notification' in window && isSecureContext && Notification.permission === 'default';
}

/** Whether they are wanted now. */
export async function askToNotify(): Promise<boolean> {
  return (await Notification.requestPermission()) === 'granted';
}

/** Rings once for each match, in one of the browser's windows; how to stop it. */
export function ring(match: string, text: string, pressed: () => void): () => void {
  if (kept(RUNG) === match) return () => {};
  keep(RUNG, match);
  beep();
  if (document.visibilityState === 'visible' || !('Notification' in window) || Notification.permission !== 'granted')
    return () => {};
  try {
    const shown = new Notification('Match found', { body: text, tag: match, requireInteraction: true });
    shown.onclick = () => {
      window.focus();
      shown.close();
      pressed();
    };
    return () => shown.close();
  } catch {
    // Phones show none that come from a page.
    return () => {};
  }
}
