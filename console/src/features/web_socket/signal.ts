// Something changed: told at most once per frame, for useSyncExternalStore.
import { useSyncExternalStore } from "react";

export class Signal {
  private readonly listeners = new Set<() => void>();
  private frame = 0;
  private version = 0;

  readonly subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  };
  readonly snapshot = () => this.version;

  changed() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.version += 1;
      this.listeners.forEach((listener) => listener());
    });
  }
}

export function useSignal(signal: Signal) {
  useSyncExternalStore(signal.subscribe, signal.snapshot);
}
