import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, configure, fireEvent, render, screen } from "@testing-library/react";
import { App, Modal } from "antd";
import { MemoryRouter } from "react-router-dom";
import { afterEach, expect, test, vi } from "vitest";
import { BlockRules } from "./rules";

configure({ asyncUtilTimeout: 20_000 }); // a busy machine

const rule = { name: "r", type: "client_id", value: "m*" };
let made: unknown[];

// A server with clients of which none is kept out; `next`: it has more of them.
function serve(next: string | null) {
  made = [];
  vi.stubGlobal("fetch", async (address: string, { method, body }: RequestInit) => {
    const { pathname } = new URL(address, "http://server/");
    if (method === "POST") {
      made.push(JSON.parse(String(body)));
      return Response.json(rule, { status: 201 });
    }
    if (pathname !== "/api/v1/clients") return Response.json({ items: [], next: null });
    return Response.json({ items: [{ client_id: "a", username: null, address: "192.0.2.1" }], next });
  });
}
afterEach(() => {
  Modal.destroyAll();
  cleanup();
  vi.unstubAllGlobals();
});

vi.mock("../../api/session", () => ({ useMay: () => true, useIsOver: () => false }));

async function create() {
  render(
    <QueryClientProvider client={new QueryClient()}>
      <App>
        <MemoryRouter future={{ v7_relativeSplatPath: true, v7_startTransition: true }}>
          <BlockRules />
        </MemoryRouter>
      </App>
    </QueryClientProvider>,
  );
  fireEvent.click(screen.getByText("New block rule"));
  const document = await screen.findByLabelText("JSON");
  fireEvent.change(document, { target: { value: JSON.stringify(rule) } });
  fireEvent.submit(document.closest("form")!);
}

test("a block rule is asked about where there are more clients than were looked at", async () => {
  serve("more");
  await create();
  const told = await screen.findByText(/that it keeps out: 0\+\./);
  expect(told.textContent).toContain("Only the first 10 clients were looked at");
  expect(made).toEqual([]);
});

test("a block rule that keeps out nobody who is connected is made at once", async () => {
  serve(null);
  await create();
  await vi.waitFor(() => expect(made).toEqual([rule]));
});
