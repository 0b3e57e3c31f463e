import { afterEach, expect, test, vi } from "vitest";
import type { Connection } from "../../api/connectors";
import { usesOf } from "./uses";

const connection = { id: "7", name: "there" } as Connection;

function serve(items: object[], next: string | null) {
  vi.stubGlobal("fetch", async () => Response.json({ items, next }));
}
afterEach(() => vi.unstubAllGlobals());

test("a task uses a connection for its source, its sink, and the copies of its dead letters", async () => {
  const task = (name: string, parts: object) => ({ name, lag_messages: 2, source: {}, sink: {}, ...parts });
  serve(
    [
      task("in", { source: { connection: "there" } }),
      task("out", { sink: { connection: "7" } }),
      task("letters", { delivery: { dead_letter_copy: { connection: "there" } }, lag_messages: null }),
      task("another", { sink: { connection: "here" }, delivery: { dead_letter_copy: null } }),
    ],
    null,
  );
  expect(await usesOf(connection)).toEqual({ names: ["in", "out", "letters"], waiting: 4, isCut: false });
});

test("of a list that is cut, the figures are least ones", async () => {
  serve([{ name: "out", lag_messages: 1, source: {}, sink: { connection: "there" } }], "more");
  expect(await usesOf(connection)).toMatchObject({ waiting: 10, isCut: true });
});
