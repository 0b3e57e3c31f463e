import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, configure, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { App } from "antd";
import { MemoryRouter } from "react-router-dom";
import { afterEach, expect, test, vi } from "vitest";
import { SessionProvider } from "../../api/session";
import { Messages, Publish } from "./messages";

configure({ asyncUtilTimeout: 20_000 }); // a busy machine
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const message = (id: string, topic: string) => ({
  id, topic, timestamp: "2026-03-01T10:00:00.000Z", qos: 1, retain: false, dup: false, client_id: "c", payload_bytes: 1,
});

test("messages from a time on, with no end, are asked for from the first page on", async () => {
  const asked: URLSearchParams[] = [];
  vi.stubGlobal("fetch", (address: string) => {
    const { searchParams } = new URL(address, "http://server/");
    asked.push(searchParams);
    const isSecond = searchParams.get("page") === "2";
    const items = [isSecond ? message("2", "older") : message("1", "newer")];
    return Promise.resolve(Response.json({ items, next: isSecond ? null : "2" }));
  });
  render(
    <QueryClientProvider client={new QueryClient()}>
      <SessionProvider session={{ user: "a", role: "viewer" }}>
        <App>
          <MemoryRouter future={{ v7_relativeSplatPath: true, v7_startTransition: true }}>
            <Messages />
          </MemoryRouter>
        </App>
      </SessionProvider>
    </QueryClientProvider>,
  );
  await screen.findByText("newer");
  fireEvent.click(screen.getByLabelText("Next page"));
  await screen.findByText("older");

  const from = screen.getByPlaceholderText("From");
  fireEvent.mouseDown(from);
  fireEvent.click(from);
  fireEvent.change(from, { target: { value: "2026-03-01 10:00:00" } });
  fireEvent.click(await screen.findByText("OK"));
  const to = screen.getByPlaceholderText("To");
  await waitFor(() => expect(document.activeElement).toBe(to));
  fireEvent.blur(to);
  await screen.findByText("newer");
  const last = asked.at(-1)!;
  expect(last.get("from")).toBe(new Date(2026, 2, 1, 10).toISOString());
  expect([last.get("to"), last.get("page")]).toEqual([null, null]);
});

test("a retained message without a payload clears the topic's: said beside the button, before it happens", async () => {
  render(
    <QueryClientProvider client={new QueryClient()}>
      <SessionProvider session={{ user: "a", role: "operator" }}>
        <App>
          <Publish />
        </App>
      </SessionProvider>
    </QueryClientProvider>,
  );
  const clears = () => screen.queryByText("This clears the retained message of plant/1");
  fireEvent.click(screen.getByText("Publish"));
  fireEvent.change(await screen.findByLabelText("Topic"), { target: { value: "plant/1" } });
  fireEvent.click(screen.getByLabelText("Retain"));
  expect(clears()).not.toBeNull();
  fireEvent.change(screen.getByLabelText("Payload"), { target: { value: "on" } });
  expect(clears()).toBeNull();
});
