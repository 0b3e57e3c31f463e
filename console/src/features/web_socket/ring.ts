// The newest `capacity` of all that was put in; each has its number, from 0 on.
export class Ring<T> {
  private readonly slots: T[] = [];
  private count = 0;

  constructor(readonly capacity: number) {}

  push(value: T) {
    this.slots[this.count % this.capacity] = value;
    this.count += 1;
  }

  // The number of the next one, and of the oldest that is still there.
  get end() {
    return this.count;
  }
  get begin() {
    return Math.max(0, this.count - this.capacity);
  }

  at(index: number): T | undefined {
    if (index < this.begin || index >= this.end) return undefined;
    return this.slots[index % this.capacity];
  }

  clear() {
    this.slots.length = 0;
    this.count = 0;
  }
}
