import { expect, test } from "vitest";
import { bytes, duration, number, rate } from "./format";

test("sizes are in units of 1024", () => {
  expect(bytes(512)).toBe("512 B");
  expect(bytes(11.3 * 1024)).toBe("11.3 KiB");
  expect(bytes(3 * 1024 ** 3)).toBe("3.0 GiB");
  expect(bytes(undefined)).toBe("–");
});

test("a duration has its two largest parts", () => {
  expect(duration(0.25, "en")).toBe("250 ms");
  expect(duration(3661, "en")).toBe("1 h 1 min");
  expect(duration(90000, "en")).toBe("1 d 1 h");
  expect(duration(90000, "zh")).toBe("1 天 1 小时");
  expect(duration(0.25, "zh")).toBe("250 毫秒");
});

test("what is not there is a dash, not a zero", () => {
  expect(number(undefined, "en")).toBe("–");
  expect(number(1204, "en")).toBe("1,204");
  expect(rate(undefined, "en")).toBe("–");
  expect(rate(3.14159, "zh")).toBe("3.1");
});
