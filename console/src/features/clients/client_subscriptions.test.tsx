import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, configure, fireEvent, render, screen } from "@testing-library/react";
import { App } from "antd";
import type { ReactElement } from "react";
import { MemoryRouter } from "react-router-dom";
import { afterEach, expect, test, vi } from "vitest";
import { SessionProvider } from "../../api/session";
import { ClientSubscriptions, Subscribe } from "./client_subscriptions";
import type { Whole } from "./client_type";

configure({ asyncUtilTimeout: 20_000 }); // a busy machine
Element.prototype.scrollIntoView = () => undefined; // jsdom has none
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function show(what: ReactElement) {
  return render(
    <QueryClientProvider client={new QueryClient()}>
      <SessionProvider session={{ user: "a", role: "operator" }}>
        <App>
          <MemoryRouter future={{ v7_relativeSplatPath: true, v7_startTransition: true }}>{what}</MemoryRouter>
        </App>
      </SessionProvider>
    </QueryClientProvider>,
  );
}

test("a filter that is refused says so at its field, and stays as it was typed", async () => {
  const problem = {
    status: 422,
    code: "invalid_document",
    detail: "`a/#/b` is no topic filter",
    hint: "# stands for the last levels",
    fields: [{ pointer: "/filter", detail: "must be a topic filter" }],
  };
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json(problem, { status: 422 })));
  show(<Subscribe id="meter-1" />);
  const field = screen.getByLabelText("Filter") as HTMLInputElement;
  fireEvent.change(field, { target: { value: "a/#/b" } });
  fireEvent.click(screen.getByText("Subscribe it"));
  const told = await screen.findByText("must be a topic filter");
  expect(told.closest(".ant-form-item")?.contains(field)).toBe(true);
  expect(field.value).toBe("a/#/b");
});

test("of very many subscriptions one page is asked for and drawn", async () => {
  const asked: URL[] = [];
  vi.stubGlobal("fetch", (address: string) => {
    const url = new URL(address, "http://server/");
    asked.push(url);
    const items = Array.from({ length: Number(url.searchParams.get("limit")) }, (_, at) => ({ filter: `a/${at}`, qos: 1 }));
    return Promise.resolve(Response.json({ items, next: "on" }));
  });
  show(<ClientSubscriptions client={{ client_id: "meter-1", subscription_count: 1000 } as unknown as Whole} />);
  await screen.findByText("a/49");
  expect(asked[0]!.pathname).toBe("/api/v1/clients/meter-1/subscriptions");
  expect(document.querySelectorAll("tbody tr.ant-table-row").length).toBe(50);
  expect((screen.getByLabelText("Next page") as HTMLButtonElement).disabled).toBe(false);
});

test("a client without subscriptions: what to do about it", async () => {
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json({ items: [], next: null })));
  show(<ClientSubscriptions client={{ client_id: "meter-1", subscription_count: 0 } as unknown as Whole} />);
  await screen.findByText("It subscribes by itself, or you subscribe it below.");
});
