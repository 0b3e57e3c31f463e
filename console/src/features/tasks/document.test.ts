import { expect, test } from "vitest";
import { inboundParts, taskParts } from "../../api/documents";
import { partsOf, previewable, stepOf, topicOf, withSource } from "./document";

test("a refusal leads to the step that shows its field", () => {
  expect(["/account", "/name", "/source/filters/0", "/map/jq", "/where", "/map/topic", "/sink/folder"].map(stepOf)).toEqual([
    0, 0, 1, 2, 2, 3, 3,
  ]);
});

test("the right to write is asked about the topic itself, or about what the sample made of it", () => {
  expect(topicOf({ map: { topic: "power" } }, "other")).toBe("power");
  expect(topicOf({ map: { topic: "plant.${topic[1]}" } }, "plant.a")).toBe("plant.a");
  expect(topicOf({ map: { topic: "plant.${topic[1]}" } }, undefined)).toBeUndefined();
  expect(topicOf({ map: { topic: "" } }, "other")).toBeUndefined();
});

test("a task that is being written is previewed before it has a name or a target", () => {
  const shown = previewable({ source: { filters: ["a/#"] }, map: { jq: "." } });
  expect(shown).toMatchObject({ name: "preview", map: { topic: "preview", jq: "." }, sink: { type: "file" } });
  const chosen = { name: "n", map: { topic: "t" }, sink: { type: "kafka", connection: "k" } };
  expect(previewable(chosen)).toEqual(chosen);
});

test("a source outside goes into this server, with fields of its own", () => {
  const outward = { name: "n", where: "x", source: { filters: ["a"] }, map: { topic: "t", jq: "." }, sink: { type: "kafka" } };
  const inward = withSource(outward, "kafka");
  expect(inward).toEqual({ name: "n", where: "x", source: { type: "kafka" }, map: { jq: "." }, sink: { type: "local" } });
  expect(partsOf(inward)).toBe(inboundParts);
  expect(Object.keys(inboundParts.map.properties!)).toContain("qos");

  const other = { ...inward, map: { topic: "devices/${key}" } };
  expect(withSource(other, "mqtt")).toEqual({ ...other, source: { type: "mqtt" } });
  const back = withSource(inward, "local");
  expect(back).toEqual({ name: "n", where: "x", source: { filters: [] }, map: { jq: "." } });
  expect(partsOf(back)).toBe(taskParts);
});
