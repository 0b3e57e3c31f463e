import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { LanguageProvider } from "../../words/language";
import { Preview } from "./preview";

vi.stubGlobal("fetch", async () => Response.json({ items: [], next: null }));
afterEach(cleanup);

function show(becomes: string) {
  const answer = { ok: false, error: { detail: "the server says why", becomes } };
  render(
    <LanguageProvider language="zh">
      <QueryClientProvider client={new QueryClient()}>
        <Preview document={{}} sample={{ topic: "a", payload: "", key: "" }} onSample={vi.fn()} shown={{ answer, error: undefined }} />
      </QueryClientProvider>
    </LanguageProvider>,
  );
}

// All that the server says: service_preview.cpp.
test.each(["dead_letter", "drop", "stop", "fails", "waits", "filtered"])("what %s means for a message is said in Chinese", (becomes) => {
  show(becomes);
  const told = screen.getByText(/^(该消息|任务)/).textContent!;
  expect(told).not.toMatch(/[a-z]/i);
});

test("what this console does not know yet is shown as the server says it", () => {
  show("sent_back");
  expect(screen.getByText("该消息的结果：sent back")).toBeTruthy();
});
