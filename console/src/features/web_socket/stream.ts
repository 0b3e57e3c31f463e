// What came, the newest first. A page that is drawn for each message stands still at a thousand a
// second: they are taken in as they come, and shown a few times a second.
export interface Shown {
  number: number;
  at: number;
  topic: string;
  qos: number;
  retain: boolean;
  payload: Uint8Array;
  properties?: Record<string, unknown>;
}

export const kept = 200;

export class Stream {
  private waiting: Shown[] = [];
  private count = 0;

  add(message: Omit<Shown, "number">) {
    this.count += 1;
    this.waiting.push({ ...message, number: this.count });
    if (this.waiting.length > kept) this.waiting.shift();
  }

  get total() {
    return this.count;
  }

  // What is to be shown now; the same array when nothing came.
  take(shown: Shown[]) {
    if (this.waiting.length === 0) return shown;
    const next = [...this.waiting.reverse(), ...shown].slice(0, kept);
    this.waiting = [];
    return next;
  }

  clear() {
    this.waiting = [];
    this.count = 0;
  }
}
