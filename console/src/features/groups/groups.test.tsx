import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, configure, render, screen } from "@testing-library/react";
import { App } from "antd";
import type { ReactElement } from "react";
import { MemoryRouter } from "react-router-dom";
import { afterEach, expect, test, vi } from "vitest";
import { SessionProvider } from "../../api/session";
import Groups, { Whole } from "./groups";

configure({ asyncUtilTimeout: 20_000 }); // a busy machine
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function show(what: ReactElement) {
  render(
    <QueryClientProvider client={new QueryClient()}>
      <SessionProvider session={{ user: "a", role: "viewer" }}>
        <App>
          <MemoryRouter future={{ v7_relativeSplatPath: true, v7_startTransition: true }}>{what}</MemoryRouter>
        </App>
      </SessionProvider>
    </QueryClientProvider>,
  );
}

test("what waits for a group moves while one looks; of its filters the first are shown", async () => {
  let lag = 0;
  vi.stubGlobal("fetch", () => {
    lag += 1;
    const subscriptions = Array.from({ length: 40 }, (_, at) => ({ filter: `a/${at}`, lag_messages: lag * 1000, members: 1 }));
    const items = [{ name: "team", strategy: "sticky", made: false, members: 1, subscriptions }];
    return Promise.resolve(Response.json({ items, next: null, used: lag, allowed: 100 }));
  });
  show(<Groups />);
  await screen.findByText("a/2");
  expect(screen.queryByText("a/3")).toBeNull();
  const waiting = () => screen.getByText("a/0").parentElement!.textContent;
  const first = waiting();
  expect(first).toMatch(/^a\/0 \d,000$/);
  await vi.waitFor(() => expect(waiting()).not.toBe(first), { timeout: 20_000, interval: 100 });
  expect(screen.getByText(/^and 37 more filters, with [\d,]+ waiting$/)).toBeTruthy();
});

test("of very many members and filters some are drawn, and the way to all of them", async () => {
  const ids = Array.from({ length: 1000 }, (_, at) => `client-${at}`);
  const subscriptions = Array.from({ length: 30 }, (_, at) => ({ filter: `a/${at}`, lag_messages: 1, members: 5000, client_ids: ids }));
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json({ name: "team", subscriptions })));
  show(<Whole group={{ name: "team" }} />);
  await screen.findByText("a/19");
  expect(screen.queryByText("a/20")).toBeNull();
  const [row] = [...document.querySelectorAll("tbody tr.ant-table-row")];
  const links = [...row!.querySelectorAll("a")];
  expect(links.length).toBe(21);
  expect(links.at(-1)!.textContent).toBe("and 4,980 more");
  expect(links.at(-1)!.getAttribute("href")).toBe("/subscriptions?group=team&filter_prefix=%24share%2Fteam%2Fa%2F0");
});
