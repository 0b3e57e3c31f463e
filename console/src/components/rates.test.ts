import { expect, test } from "vitest";
import { rateBetween } from "./rates";

test("a rate is what was added, by the second", () => {
  expect(rateBetween(100, 150, 2)).toBe(25);
});

test("a server that started again does not count backwards", () => {
  expect(rateBetween(100, 3, 2)).toBe(0);
  expect(rateBetween(100, 150, 0)).toBe(0);
});
