import { afterEach, expect, test, vi } from "vitest";
import { concernedBy, isNamedBy } from "./concerned";

afterEach(() => vi.unstubAllGlobals());

test("a policy names a user exactly, or by a beginning, as the server has it", () => {
  expect(isNamedBy("meter", "meter")).toBe(true);
  expect(isNamedBy("meter", "meter-1")).toBe(false);
  expect(isNamedBy("m*", "meter")).toBe(true);
  expect(isNamedBy("*", "meter")).toBe(true);
  expect(isNamedBy("m*r", "meter")).toBe(false); // a star elsewhere is a star
  expect(isNamedBy("m.*", "meter")).toBe(false);
});

test("what a user has is found on all pages, and what is cut says so", async () => {
  const lists: Record<string, object[]> = {
    "/api/v1/clients": [
      { status: "connected", lag_messages: 2 },
      { status: "disconnected", lag_messages: 3 },
    ],
    "/api/v1/policies": [
      { name: "all of m", users: ["m*"] },
      { name: "another", users: ["k"] },
      { name: "anybody", users: [] },
    ],
    "/api/v1/tasks": [
      { name: "a", account: "meter" },
      { name: "b", account: "" },
    ],
  };
  vi.stubGlobal("fetch", async (address: string) => {
    const { pathname, searchParams } = new URL(address, "http://server/");
    const isLast = pathname !== "/api/v1/clients" && searchParams.get("page") === "2";
    return Response.json({ items: lists[pathname], next: isLast ? null : "2" });
  });

  const { sessions, connected, waiting, policies, tasks } = await concernedBy("meter");

  expect([sessions.isCut, sessions.text, connected, waiting]).toEqual([true, "20+", 10, 50]);
  expect([policies.isCut, policies.items.map(({ name }) => name)]).toEqual([false, ["all of m", "all of m"]]);
  expect([tasks.isCut, tasks.items.map(({ name }) => name)]).toEqual([false, ["a", "a"]]);
});
