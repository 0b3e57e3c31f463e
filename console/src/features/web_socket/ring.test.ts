import { expect, test } from "vitest";
import { Ring } from "./ring";

test("the newest stay, under the numbers that they had", () => {
  const ring = new Ring<string>(3);
  for (const value of ["a", "b", "c", "d"]) ring.push(value);
  expect([ring.begin, ring.end]).toEqual([1, 4]);
  expect([0, 1, 2, 3, 4].map((index) => ring.at(index))).toEqual([undefined, "b", "c", "d", undefined]);
});

test("what was cleared is gone", () => {
  const ring = new Ring<string>(2);
  ring.push("a");
  ring.clear();
  expect(ring.at(0)).toBeUndefined();
  ring.push("b");
  expect(ring.at(0)).toBe("b");
});
