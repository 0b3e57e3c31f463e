import { expect, test } from "vitest";
import { bytesIn, optionsOf } from "./connection";
import { knownConnections, published, rememberConnections, rememberPublished } from "./memory";

const settings = { url: "ws://127.0.0.1:8083/mqtt", client_id: "a", password: "secret" };

test("hex is bytes, and what is no hex is not", () => {
  expect(bytesIn("00 ff\n1A", true)).toEqual(Uint8Array.of(0, 255, 26));
  expect(bytesIn("0g", true)).toBeUndefined();
  expect(bytesIn("abc", true)).toBeUndefined();
  expect([...bytesIn("é", false)!]).toEqual([0xc3, 0xa9]);
});

test("MQTT 3.1.1 has no properties, and a will is there when it has a topic", () => {
  expect(optionsOf({ ...settings, version: "3.1.1", session_expiry: 5 }).properties).toBeUndefined();
  expect(optionsOf({ ...settings, session_expiry: 5 }).properties?.sessionExpiryInterval).toBe(5);
  expect(optionsOf({ ...settings, will: { payload: "gone" } }).will).toBeUndefined();
  expect(optionsOf({ ...settings, will: { topic: "t", qos: 1 } }).will?.qos).toBe(1);
});

test("a password is not kept, and the same message is kept once", () => {
  rememberConnections([settings]);
  expect(knownConnections()).toEqual([{ url: settings.url, client_id: "a" }]);
  rememberPublished({ topic: "a" });
  rememberPublished({ topic: "b" });
  rememberPublished({ topic: "a" });
  expect(published().map(({ topic }) => topic)).toEqual(["a", "b"]);
});
