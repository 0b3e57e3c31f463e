// Rates from counters: what was added between two answers of the server.
import { useEffect, useRef, useState } from "react";

export interface Sample {
  at: number; // ms
  rates: Record<string, number>;
}

const kept = 150; // five minutes of two seconds

export function rateBetween(before: number, after: number, seconds: number) {
  // A server that started again counts from nothing.
  if (seconds <= 0 || after < before) return 0;
  return (after - before) / seconds;
}

export function useRates(counters: Record<string, number> | undefined, at: number) {
  const last = useRef<{ at: number; counters: Record<string, number> }>();
  const [samples, setSamples] = useState<Sample[]>([]);
  useEffect(() => {
    if (!counters || at === 0 || last.current?.at === at) return;
    const before = last.current;
    last.current = { at, counters };
    if (!before) return;
    const seconds = (at - before.at) / 1000;
    const rates = Object.fromEntries(
      Object.entries(counters).map(([name, value]) => [
        name,
        rateBetween(before.counters[name] ?? value, value, seconds),
      ]),
    );
    setSamples((known) => [...known.slice(1 - kept), { at, rates }]);
  }, [counters, at]);
  return samples;
}
