import { expect, test } from "vitest";
import { kept, Stream } from "./stream";

const message = (topic: string) => ({ at: 0, topic, qos: 0, retain: false, payload: new Uint8Array() });

test("the newest comes first, and all are counted", () => {
  const stream = new Stream();
  stream.add(message("a"));
  stream.add(message("b"));
  const shown = stream.take([]);
  stream.add(message("c"));
  expect(stream.take(shown).map(({ topic, number }) => topic + number)).toEqual(["c3", "b2", "a1"]);
});

test("no more are kept than are shown, however many come", () => {
  const stream = new Stream();
  for (let i = 0; i < kept * 5; i += 1) stream.add(message(String(i)));
  const shown = stream.take([]);
  expect(shown.length).toBe(kept);
  expect(shown[0]?.topic).toBe(String(kept * 5 - 1));
  expect(stream.total).toBe(kept * 5);
  expect(stream.take(shown)).toBe(shown);
});
