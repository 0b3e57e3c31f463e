import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, render, screen } from "@testing-library/react";
import { App } from "antd";
import { MemoryRouter } from "react-router-dom";
import { afterEach, expect, test, vi } from "vitest";
import { SessionProvider } from "../../api/session";
import About from "./about";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

// Each of docs/dependencies.md is compared with the program by tests/integration/test_dependencies.py.
test("parts of the server stand beside those of the console, with licences", async () => {
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json({ node: "n", version: "1", started: "2026-03-01T10:00:00.000Z" })));
  render(
    <QueryClientProvider client={new QueryClient()}>
      <SessionProvider session={{ user: "a", role: "viewer" }}>
        <App>
          <MemoryRouter future={{ v7_relativeSplatPath: true, v7_startTransition: true }}>
            <About />
          </MemoryRouter>
        </App>
      </SessionProvider>
    </QueryClientProvider>,
  );
  const licenceOf = (name: string) => screen.getByText(name).closest("tr")!.lastElementChild!.textContent;
  await screen.findByText("What the server is made of");
  expect(licenceOf("librdkafka1")).toBe("BSD-2-Clause");
  expect(licenceOf("libcli11-dev")).toBe("BSD-3-Clause");
  expect(licenceOf("antd")).toBe("MIT");
});
