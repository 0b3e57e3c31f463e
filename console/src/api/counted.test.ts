import { afterEach, expect, test, vi } from "vitest";
import { counted } from "./counted";

// A list of `size` numbers that comes in pages, and what was asked of it.
function serve(size: number) {
  const asked: URLSearchParams[] = [];
  vi.stubGlobal("fetch", async (address: string) => {
    const { searchParams } = new URL(address, "http://server/");
    asked.push(searchParams);
    const [from, limit] = [Number(searchParams.get("page")), Number(searchParams.get("limit"))];
    const items = Array.from({ length: Math.min(limit, size - from) }, (_, at) => ({ number: from + at }));
    return Response.json({ items, next: from + limit < size ? String(from + limit) : null });
  });
  return asked;
}
afterEach(() => vi.unstubAllGlobals());

test("what has one page is counted with one question", async () => {
  const asked = serve(1000);
  expect(await counted("/clients", { username: "m" })).toMatchObject({ text: "1000", read: 1000, isCut: false });
  expect(asked.map(String)).toEqual(["username=m&limit=1000"]);
});

test("further pages are read, and each is asked for by the token of the one before", async () => {
  const asked = serve(2500);
  const found = await counted<{ number: number }>("/clients", {}, ({ number }) => number % 1000 === 7);
  expect(found).toEqual({ items: [{ number: 7 }, { number: 1007 }, { number: 2007 }], text: "3", read: 2500, isCut: false });
  expect(asked.map((query) => query.get("page"))).toEqual([null, "1000", "2000"]);
});

test("a list that is longer than what is read says so", async () => {
  const asked = serve(10_001);
  expect(await counted("/clients", {}, () => false)).toEqual({ items: [], text: "0+", read: 10_000, isCut: true });
  expect(asked.length).toBe(10);
  serve(10_000);
  expect(await counted("/clients", {})).toMatchObject({ text: "10000", isCut: false });
});
