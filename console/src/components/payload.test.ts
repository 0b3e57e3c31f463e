import { expect, test } from "vitest";
import { bytesOf, hexOf, jsonIn, textIn } from "./payload";

test("bytes that are no UTF-8 are no text", () => {
  expect(textIn(Uint8Array.of(0xff, 0xfe))).toBeUndefined();
  expect(textIn(bytesOf("eyJ4IjoxfQ=="))).toBe('{"x":1}');
});

test("JSON is laid out, and only what is JSON", () => {
  expect(jsonIn('{"x":1}')).toBe('{\n  "x": 1\n}');
  expect(jsonIn("21 C")).toBeUndefined();
  expect(jsonIn(undefined)).toBeUndefined();
});

test("hex has places, bytes and letters", () => {
  const lines = hexOf(new TextEncoder().encode("0123456789abcdef!\n")).split("\n");
  expect(lines[0]).toBe("000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef");
  expect(lines[1]).toMatch(/^000010 {2}21 0a +!\.$/);
});
