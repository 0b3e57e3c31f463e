import { expect, test } from "vitest";
import { applyPatch, changes, mergePatch } from "./merge_patch";

test("what differs is sent, at its depth, and what is gone as null", () => {
  const before = { name: "a", settings: { url: "x", token: "***" }, list: [1] };
  const after = { name: "a", settings: { url: "y" }, list: [1, 2] };
  expect(mergePatch(before, after)).toEqual({ settings: { url: "y", token: null }, list: [1, 2] });
});

test("nothing changed is an empty patch", () => {
  expect(mergePatch({ a: { b: 1 } }, { a: { b: 1 } })).toEqual({});
});

test("what one changed goes onto what another one changed", () => {
  const before = { where: "a", map: { topic: "t", key: "k" }, description: "" };
  const mine = { where: "b", map: { topic: "t" }, description: "" };
  const theirs = { where: "a", map: { topic: "u", key: "k" }, description: "theirs" };
  expect(applyPatch(theirs, mergePatch(before, mine))).toEqual({ where: "b", map: { topic: "u" }, description: "theirs" });
});

test("what differs is told field by field", () => {
  expect(changes({ a: { b: 1, c: [1] }, d: 1 }, { a: { b: 2, c: [1] }, e: 1 })).toEqual([
    { pointer: "/a/b", before: 1, after: 2 },
    { pointer: "/d", before: 1, after: undefined },
    { pointer: "/e", before: undefined, after: 1 },
  ]);
});
