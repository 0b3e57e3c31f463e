import { afterEach, expect, test, vi } from "vitest";
import type { Task } from "../../api/task";
import { madeWith } from "./account_of";

const task = { id: "1", name: "in", account: "task-in", account_made: true, created: "2026-03-01T12:00:00.010Z" } as Task;
const created = "2026-03-01T12:00:00.003Z";
const user = { name: "task-in", created };

function serve(lists: Record<string, object[]>) {
  vi.stubGlobal("fetch", async (address: string) => {
    const { pathname } = new URL(address, "http://server/");
    return Response.json({ items: lists[pathname.replace("/api/v1", "")] ?? [], next: null });
  });
}
afterEach(() => vi.unstubAllGlobals());

test("of the policies those go that were made with the user", async () => {
  const policy = (name: string, parts: object) => ({ name, users: ["task-in"], created, ...parts });
  serve({
    "/users": [user],
    "/policies": [
      policy("task-in", {}),
      policy("task-in-2", {}),
      policy("by hand", { created: "2026-03-02T12:00:00.000Z" }),
      policy("of another, too", { users: ["task-in", "meter"] }),
      policy("by a pattern", { users: ["task-in*"] }),
    ],
    "/tasks": [task],
  });
  expect(await madeWith(task)).toEqual({ user: "task-in", policies: "2", others: [] });
});

test("another task that runs as the user keeps it", async () => {
  serve({ "/users": [user], "/tasks": [task, { id: "2", name: "b", account: "task-in" }, { id: "3", name: "c" }] });
  expect(await madeWith(task)).toMatchObject({ others: ["b"] });
});

test("a task whose account was made by somebody leaves it alone", async () => {
  serve({ "/users": [user] });
  expect(await madeWith({ ...task, account_made: false })).toBeUndefined();
});

test("a task that has got another account since does not name that one", async () => {
  serve({ "/users": [{ ...user, created: "2026-01-01T00:00:00.000Z" }] });
  expect(await madeWith(task)).toEqual({ policies: "", others: [] });
});
