// Each code that the server may answer with, as its reference lists them, in Chinese.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import chinese from "./codes_zh";

const [, rest = ""] = /^## REST\n([\s\S]*?)^## /m.exec(readFileSync("../docs/reference/errors.md", "utf8")) ?? [];
const codes = [...rest.matchAll(/^\| `(\w+)` \|/gm)].map(([, code]) => code!);

test("each code of a problem is said in Chinese, in codes_zh.ts, and none is left over", () => {
  expect(codes.length).toBeGreaterThan(40);
  expect(codes.filter((code) => !chinese[code])).toEqual([]);
  expect(Object.keys(chinese).filter((code) => !codes.includes(code))).toEqual([]);
});
