import { expect, test } from "vitest";
import { coversFilter, givenUp } from "./given_up";

const task = (filters: string[], parts: object = {}) => ({ source: { filters }, ...parts });
const delivery = (before: object, after: object) =>
  givenUp({ source: {}, delivery: before }, { source: {}, delivery: after });

test("a filter covers what it matches all of", () => {
  const pairs: [string, string, boolean][] = [
    ["a/#", "a/b", true],
    ["a/#", "a", true],
    ["a/#", "a/+/c", true],
    ["a/+", "a/b", true],
    ["a/+", "a/#", false],
    ["a/+", "a/b/c", false],
    ["a/b", "a/+", false],
    ["+/b", "a/b", true],
    ["#", "$SYS/a", false],
    ["+/a", "$SYS/a", false],
    ["$SYS/#", "$SYS/a", true],
  ];
  for (const [wide, narrow, is] of pairs) expect([wide, narrow, coversFilter(wide, narrow)]).toEqual([wide, narrow, is]);
});

test("a filter that is gone gives up what waits by it, unless one that stays takes that", () => {
  expect(givenUp(task(["a/#", "b"]), task(["b"]))).toEqual([{ by: "filters", filters: ["a/#"] }]);
  expect(givenUp(task(["a/#", "a/b"]), task(["a/#"]))).toEqual([]);
  expect(givenUp(task(["a/b"]), task(["a/b", "c"]))).toEqual([]);
  expect(givenUp(task(["a/b"]), task(["a/#"]))).toEqual([{ by: "filters", filters: ["a/b"] }]); // which counts from now on
  const topics = (names: string[]) => ({ source: { type: "kafka", topics: names } });
  expect(givenUp(topics(["x", "y"]), topics(["y"]))).toEqual([{ by: "filters", filters: ["x"] }]);
});

test("another user may be denied something; the same one, nobody, and who publishes here gives up nothing", () => {
  const runsAs = (account?: string) => task(["a/#"], { account });
  expect(givenUp(runsAs(), runsAs("reader"))).toEqual([{ by: "account", value: "reader" }]);
  expect(givenUp(runsAs("reader"), runsAs("other"))).toEqual([{ by: "account", value: "other" }]);
  expect(givenUp(runsAs("reader"), runsAs("reader"))).toEqual([]);
  expect(givenUp(runsAs("reader"), runsAs(""))).toEqual([]);
  const inbound = (account: string) => ({ source: { type: "kafka", topics: ["x"] }, account });
  expect(givenUp(inbound("reader"), inbound("other"))).toEqual([]);
});

test("a condition that is another one gives something up, none gives up nothing", () => {
  expect(givenUp(task([]), task([], { where: "a > 1" }))).toEqual([{ by: "where" }]);
  expect(givenUp(task([], { where: "a > 1" }), task([], { where: "" }))).toEqual([]);
  expect(givenUp(task([], { where: "a > 1" }), task([], { where: "a > 1", description: "x" }))).toEqual([]);
  expect(givenUp(task([], { map: { topic: "t" } }), task([], { map: { topic: "u", jq: ".a" } }))).toEqual([{ by: "jq" }]);
});

test("bounds give something up where they become narrower, whatever their unit", () => {
  expect(delivery({}, { maximum_age: "5m" })).toEqual([{ by: "maximum_age", value: "5m" }]);
  expect(delivery({ maximum_age: "5m" }, { maximum_age: 300_000 })).toEqual([]);
  expect(delivery({ maximum_age: "5m" }, { maximum_age: "1h" })).toEqual([]);
  expect(delivery({ maximum_age: "1h" }, { maximum_age: "59 m" })).toEqual([{ by: "maximum_age", value: "59 m" }]);
  expect(delivery({ hold_segments_bytes: null }, { hold_segments_bytes: "1GiB" })).toEqual([{ by: "hold", value: "1GiB" }]);
  expect(delivery({ hold_segments_bytes: "1GiB" }, { hold_segments_bytes: null })).toEqual([]);
});

test("shedding begins, or begins sooner", () => {
  const oldest = { backpressure: "shed_oldest", backlog_bytes: "2GiB" };
  expect(delivery({ backpressure: "buffer" }, oldest)).toEqual([{ by: "shed_oldest", value: "2GiB" }]);
  expect(delivery(oldest, { ...oldest, backlog_bytes: "1GiB" })).toEqual([{ by: "shed_oldest", value: "1GiB" }]);
  expect(delivery(oldest, { ...oldest, backlog_bytes: undefined })).toEqual([{ by: "shed_oldest", value: 2 ** 30 }]);
  expect(delivery(oldest, { ...oldest, backlog_bytes: "3GiB" })).toEqual([]);
  expect(delivery(oldest, { ...oldest, backpressure: "shed_qos0" })).toEqual([]);
  expect(delivery({ ...oldest, backpressure: "shed_qos0" }, oldest)).toEqual([{ by: "shed_oldest", value: "2GiB" }]);
  expect(delivery(oldest, { ...oldest, backpressure: "block" })).toEqual([]);
});

test("what is rejected is given up where it is dropped, and kept where it is a dead letter", () => {
  const schema = (type: string, parts: object) => ({ source: {}, verify: { json_schema: { type } }, delivery: parts });
  expect(delivery({ rejected: "dead_letter" }, { rejected: "drop" })).toEqual([{ by: "rejected" }]);
  expect(givenUp(schema("object", {}), schema("string", {}))).toEqual([]);
  expect(givenUp(schema("object", { rejected: "drop" }), schema("string", { rejected: "drop" }))).toEqual([{ by: "verify" }]);
  const retry = (give_up_after: string) => ({ rejected: "drop", retry: { give_up_after } });
  expect(delivery(retry("never"), retry("5m"))).toEqual([{ by: "give_up_after", value: "5m" }]);
  expect(delivery(retry("5m"), retry("never"))).toEqual([]);
  expect(delivery({ expired: "deliver" }, { expired: "drop" })).toEqual([{ by: "expired" }]);
});
