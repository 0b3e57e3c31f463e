import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, renderHook, waitFor } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Call } from "./client";
import { useLive } from "./live";
import { addressOf, isTold, pathsOf, useStream } from "./stream";

vi.mock("./session", () => ({ useIsOver: () => false }));

class Source extends EventTarget {
  static all: Source[] = [];
  onopen?: () => void;
  onerror?: () => void;
  isClosed = false;
  constructor(readonly url: string) {
    super();
    Source.all.push(this);
  }
  close() {
    this.isClosed = true;
  }
  tell(kind: string, data: unknown, lastEventId = "") {
    act(() => void this.dispatchEvent(new MessageEvent(kind, { data: JSON.stringify(data), lastEventId })));
  }
}
const newest = () => Source.all.at(-1) as Source;
const watchedBy = ({ url }: Source) => new URL(url, "http://x").searchParams.get("watch")?.split(" ") ?? [];

let problem: Error | null = null;
let client: QueryClient;
let at = 0; // when the page's figures were made
let asked: string[] = [];
let answer = () => Promise.resolve(new Response(JSON.stringify({ lag: 1 })));
beforeEach(() => {
  Source.all = [];
  asked = [];
  answer = () => Promise.resolve(new Response(JSON.stringify({ lag: 1 })));
  vi.stubGlobal("EventSource", Source);
  vi.stubGlobal("fetch", (url: string) => {
    asked.push(url);
    return answer();
  });
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function page(first: Call) {
  client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const wrapper = ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={client}>{children}</QueryClientProvider>
  );
  return renderHook(
    ({ call }) => {
      useStream(true);
      const { data, dataUpdatedAt, error } = useLive<{ lag: number }>("/tasks/{name}", call);
      at = dataUpdatedAt;
      problem = error;
      return data?.lag;
    },
    { wrapper, initialProps: { call: first } },
  );
}

async function opened(call: Call) {
  const shown = page(call);
  await waitFor(() => expect(watchedBy(newest())).toHaveLength(1));
  await waitFor(() => expect(shown.result.current).toBe(1));
  act(() => newest().onopen?.());
  return shown;
}

test("an event touches what shows it, and nothing else", () => {
  expect([...pathsOf(["tasks"])]).toEqual(["/tasks", "/events"]);
  expect(pathsOf(["sessions", "tasks"]).has("/groups")).toBe(true);
  expect([...pathsOf(["overview"])]).toEqual([]);
});

test("what a page shows comes by the stream, and is not asked for", async () => {
  const call = { parts: { name: "a b" } };
  const shown = await opened(call);
  expect(watchedBy(newest())).toEqual(["/tasks/a%20b"]);
  expect(isTold("/tasks/{name}", call)).toBe(false);

  newest().tell("answer", { target: "/tasks/a%20b", status: 200, body: { lag: 2 } });
  await waitFor(() => expect(shown.result.current).toBe(2));
  expect(isTold("/tasks/{name}", call)).toBe(true);
  newest().tell("tasks", { event: "task.waiting" }, "7");
  await new Promise((done) => setTimeout(done, 1200)); // events are gathered for a second
  expect(asked).toEqual(["api/v1/tasks/a%20b"]);

  const before = at;
  await new Promise((done) => setTimeout(done, 500)); // two seconds are over, nearly
  newest().tell("unchanged", { targets: ["/tasks/a%20b", "/nothing"] });
  await waitFor(() => expect(at).toBeGreaterThan(before)); // so that a rate is known to be nought
  expect(shown.result.current).toBe(2);
  shown.unmount();
});

test("another page has another stream, behind the last event; the first one goes when that is there", async () => {
  const shown = await opened({ parts: { name: "a" } });
  const first = newest();
  first.tell("tasks", {}, "7");

  shown.rerender({ call: { parts: { name: "b" } } });
  await waitFor(() => expect(newest()).not.toBe(first));
  expect(watchedBy(newest())).toEqual(["/tasks/b"]);
  expect(newest().url).toContain("&after=7");
  expect(first.isClosed).toBe(false);
  act(() => newest().onopen?.());
  expect(first.isClosed).toBe(true);
  shown.unmount();
  expect(newest().isClosed).toBe(true);
});

test("what came without a body, or while it was asked for, is asked for", async () => {
  const shown = await opened({ parts: { name: "a" } });
  newest().tell("answer", { target: "/tasks/a", status: 200 });
  await waitFor(() => expect(asked).toHaveLength(2), { timeout: 3000 });

  let finish = (_: Response) => {};
  answer = () => new Promise((done) => (finish = done));
  newest().tell("answer", { target: "/tasks/a", status: 200 });
  await waitFor(() => expect(asked).toHaveLength(3), { timeout: 3000 });
  newest().tell("answer", { target: "/tasks/a", status: 200, body: { lag: 3 } });
  expect(shown.result.current).toBe(1);
  answer = () => Promise.resolve(new Response(JSON.stringify({ lag: 4 })));
  act(() => finish(new Response(JSON.stringify({ lag: 2 }))));
  await waitFor(() => expect(shown.result.current).toBe(4), { timeout: 3000 });
});

test("what is gone stays gone, though the server says that nothing has changed", async () => {
  const gone = { status: 404, code: "not_found", detail: "there is no task a" };
  await opened({ parts: { name: "a" } });
  newest().tell("answer", { target: "/tasks/a", status: 200, body: { lag: 1 } });
  answer = () => Promise.resolve(new Response(JSON.stringify(gone), { status: 404 }));
  newest().tell("answer", { target: "/tasks/a", status: 404 });
  await waitFor(() => expect(problem?.message).toBe(gone.detail), { timeout: 3000 });
  newest().tell("unchanged", { targets: ["/tasks/a"] });
  await new Promise((done) => setTimeout(done, 100));
  expect(problem?.message).toBe(gone.detail);
});

test("what a page has asked for in between gives way to what the server goes on to tell", async () => {
  const shown = await opened({ parts: { name: "a" } });
  newest().tell("answer", { target: "/tasks/a", status: 200, body: { lag: 5 } });
  await waitFor(() => expect(shown.result.current).toBe(5));
  act(() => void client.setQueryData(["/tasks/{name}", { name: "a" }, {}], { lag: 6 }));
  newest().tell("unchanged", { targets: ["/tasks/a"] });
  await waitFor(() => expect(shown.result.current).toBe(6)); // may be newer than that
  await new Promise((done) => setTimeout(done, 1600));
  newest().tell("unchanged", { targets: ["/tasks/a"] });
  await waitFor(() => expect(shown.result.current).toBe(5));
});

test("a stream that is not had does not take the one before along", async () => {
  const shown = await opened({ parts: { name: "a" } });
  const first = newest();
  shown.rerender({ call: { parts: { name: "b" } } });
  await waitFor(() => expect(newest()).not.toBe(first));
  act(() => newest().onerror?.());
  expect(newest().isClosed).toBe(true);
  expect(first.isClosed).toBe(false);
});

test("an address has as much as fits", () => {
  const many = Array.from({ length: 20 }, (_, index) => `/clients/${index}`);
  expect(watchedBy(new Source(addressOf(many, "")))).toEqual(many.slice(0, 16));
  const long = `/clients/${"x".repeat(5000)}`;
  expect(watchedBy(new Source(addressOf([long, "/overview", "/tasks"], "")))).toEqual(["/tasks"]);
});
