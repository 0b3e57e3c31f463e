import { expect, test } from "vitest";
import { mergePatch } from "./merge_patch";

test("what differs is sent, at its depth, and what is gone as null", () => {
  const before = { name: "a", settings: { url: "x", token: "***" }, list: [1] };
  const after = { name: "a", settings: { url: "y" }, list: [1, 2] };
  expect(mergePatch(before, after)).toEqual({ settings: { url: "y", token: null }, list: [1, 2] });
});

test("nothing changed is an empty patch", () => {
  expect(mergePatch({ a: { b: 1 } }, { a: { b: 1 } })).toEqual({});
});
