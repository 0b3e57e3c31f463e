import { expect, test } from "vitest";
import { pointsOf } from "./history";

test("where there is no figure there is no point", () => {
  const samples = [
    { time: "2026-03-01T12:00:00.000Z", log_bytes: 2048, rate: null },
    { time: "2026-03-01T12:00:10.000Z", log_bytes: 4096, rate: 3 },
  ];
  expect(pointsOf(samples, "rate")).toEqual([[Date.UTC(2026, 2, 1, 12, 0, 10), 3]]);
  expect(pointsOf(samples, "log_bytes", 1024).map(([, value]) => value)).toEqual([2, 4]);
});
