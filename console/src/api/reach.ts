// Whether the server answers, as requests and the stream see it. Shown once, above every page.
import { useSyncExternalStore } from "react";

let isAway = false;
const listeners = new Set<() => void>();

export function setAway(away: boolean) {
  if (away === isAway) return;
  isAway = away;
  listeners.forEach((tell) => tell());
}

function listen(tell: () => void) {
  listeners.add(tell);
  return () => listeners.delete(tell);
}

export function useIsAway() {
  return useSyncExternalStore(listen, () => isAway);
}
