import { expect, test } from "vitest";
import { patchOf } from "./settings";

test("a setting's name is its place in the document", () => {
  expect(patchOf("mqtt.groups", 5)).toEqual({ mqtt: { groups: 5 } });
  expect(patchOf("data", null)).toEqual({ data: null });
});
