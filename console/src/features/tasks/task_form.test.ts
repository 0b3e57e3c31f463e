import { expect, test } from "vitest";
import { previewable } from "./preview";
import { stepOf } from "./task_form";

test("a refusal leads to the step that shows its field", () => {
  expect(["/name", "/source/filters/0", "/map/jq", "/where", "/map/topic", "/sink/folder"].map(stepOf)).toEqual([
    0, 1, 2, 2, 3, 3,
  ]);
});

test("a task that is being written is previewed before it has a name or a target", () => {
  const shown = previewable({ source: { filters: ["a/#"] }, map: { jq: "." } });
  expect(shown).toMatchObject({ name: "preview", map: { topic: "preview", jq: "." }, sink: { type: "file" } });
  const chosen = { name: "n", map: { topic: "t" }, sink: { type: "kafka", connection: "k" } };
  expect(previewable(chosen)).toEqual(chosen);
});
