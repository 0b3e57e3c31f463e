import { expect, test } from "vitest";
import { covers, keepsOut, matches } from "./kept_out";

test("a pattern matches as the server's does", () => {
  expect(matches("meter-*", "meter-1")).toBe(true);
  expect(matches("meter-*", "a meter-1")).toBe(false);
  expect(matches("m?", "m1")).toBe(true);
  expect(matches("m?", "m")).toBe(false);
  expect(matches("a.b", "axb")).toBe(false);
  expect(matches("a[1]*", "a[1]\nb")).toBe(true);
});

test("a range covers its addresses", () => {
  expect(covers("10.0.0.0/8", "10.200.3.4")).toBe(true);
  expect(covers("10.0.0.0/8", "11.0.0.0")).toBe(false);
  expect(covers("192.0.2.7", "192.0.2.7")).toBe(true);
  expect(covers("192.0.2.7", "192.0.2.8")).toBe(false);
  expect(covers("0.0.0.0/0", "255.255.255.255")).toBe(true);
  expect(covers("2001:db8::/32", "2001:db8::1")).toBe(false); // the page does not tell, and says so
});

test("who is excepted, or has no user name, is not kept out", () => {
  const rule = { name: "r", description: "", type: "client_id", value: "m-*", except: ["m-9"], until: null };
  const session = { client_id: "m-1", username: null, address: "192.0.2.7", lag_messages: 0 };
  expect(keepsOut(rule, session)).toBe(true);
  expect(keepsOut(rule, { ...session, client_id: "m-9" })).toBe(false);
  expect(keepsOut({ ...rule, type: "user", value: "*" }, session)).toBe(false);
  expect(keepsOut({ ...rule, type: "address", value: "192.0.2.0/24", except: [] }, session)).toBe(true);
});
