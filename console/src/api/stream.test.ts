import { expect, test } from "vitest";
import { pathsOf } from "./stream";

test("an event touches what shows it, and nothing else", () => {
  expect([...pathsOf(["tasks"])]).toEqual(["/tasks", "/events"]);
  expect(pathsOf(["sessions", "tasks"]).has("/groups")).toBe(true);
  expect([...pathsOf(["overview"])]).toEqual([]);
});
