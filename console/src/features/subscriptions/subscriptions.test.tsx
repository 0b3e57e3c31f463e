import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, configure, render, screen } from "@testing-library/react";
import type { ComponentType } from "react";
import { MemoryRouter } from "react-router-dom";
import { afterEach, expect, test, vi } from "vitest";
import Audit from "../audit/audit";
import Subscriptions from "./subscriptions";

configure({ asyncUtilTimeout: 20_000 }); // a busy machine
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const empty: [string, ComponentType, string, string][] = [
  ["subscriptions", Subscriptions, "WebSocket client", "/web-socket"],
  ["audit", Audit, "Users", "/users"],
];

test.each(empty)("an empty page of %s leads to what fills it", async (_, Page, link, to) => {
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json({ items: [], next: null })));
  render(
    <QueryClientProvider client={new QueryClient()}>
      <MemoryRouter future={{ v7_relativeSplatPath: true, v7_startTransition: true }}>
        <Page />
      </MemoryRouter>
    </QueryClientProvider>,
  );
  expect((await screen.findByText(link)).getAttribute("href")).toBe(to);
});
