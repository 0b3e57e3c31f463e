import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, configure, render, screen } from "@testing-library/react";
import { App } from "antd";
import { MemoryRouter } from "react-router-dom";
import { afterEach, expect, test, vi } from "vitest";
import { SessionProvider } from "../../api/session";
import { Trace } from "./trace";

configure({ asyncUtilTimeout: 20_000 }); // a busy machine
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const step = (id: string, topic: string) => ({
  id, time: "2026-03-01T10:00:00.000Z", event: "sent", qos: 1, message_id: "m", topic,
});

test("a row stays the one that it is while newer ones come, also beside one that says the same", async () => {
  let steps = [step("2", "same"), step("1", "same")];
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json({ items: steps, next: null, traced: true })));
  const client = new QueryClient();
  render(
    <QueryClientProvider client={client}>
      <SessionProvider session={{ user: "a", role: "viewer" }}>
        <App>
          <MemoryRouter future={{ v7_relativeSplatPath: true, v7_startTransition: true }}>
            <Trace id="meter" />
          </MemoryRouter>
        </App>
      </SessionProvider>
    </QueryClientProvider>,
  );
  const before = (await screen.findAllByText("same")).map((cell) => cell.closest("tr"));
  expect(new Set(before).size).toBe(2);

  steps = [step("3", "newer"), ...steps];
  await client.refetchQueries();
  await screen.findByText("newer");
  const after = screen.getAllByText("same").map((cell) => cell.closest("tr"));
  expect(after.map((row, number) => row === before[number])).toEqual([true, true]);
});
