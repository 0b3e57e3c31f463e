import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, configure, fireEvent, render, screen } from "@testing-library/react";
import { App } from "antd";
import { afterEach, expect, test, vi } from "vitest";
import { SessionProvider } from "../../api/session";
import Settings from "./settings";

configure({ asyncUtilTimeout: 20_000 }); // a busy machine
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

test("a search that finds no setting says so, and leads back to all of them", async () => {
  const items = [{ name: "mqtt.groups", value: 5, origin: "default", reloadable: true }];
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json({ items, next: null })));
  render(
    <QueryClientProvider client={new QueryClient()}>
      <SessionProvider session={{ user: "a", role: "viewer" }}>
        <App>
          <Settings />
        </App>
      </SessionProvider>
    </QueryClientProvider>,
  );
  await screen.findByText("mqtt.groups");
  fireEvent.change(screen.getByPlaceholderText("Search"), { target: { value: " mqtt.grups" } });
  await screen.findByText("No setting has “mqtt.grups” in its name or in where it comes from.");
  expect(screen.queryByText("mqtt.groups")).toBeNull();
  fireEvent.click(screen.getByText("Show all settings"));
  await screen.findByText("mqtt.groups");
});
