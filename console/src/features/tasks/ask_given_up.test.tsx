import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, configure, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { App, Modal } from "antd";
import { MemoryRouter, Route, Routes } from "react-router-dom";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LanguageProvider, type Language } from "../../words/language";
import { EditTask } from "./task_form";

configure({ asyncUtilTimeout: 20_000 }); // a busy machine

const task = {
  id: "1",
  name: "out",
  description: "d",
  enabled: true,
  source: { filters: ["a/#", "b/#", "c"] },
  map: { topic: "t" },
  sink: { type: "file", folder: "f" },
};
let waiting: object;
let changes: unknown[];

beforeEach(() => {
  changes = [];
  vi.stubGlobal("fetch", async (address: string, { method, body }: RequestInit) => {
    const { pathname } = new URL(address, "http://server/");
    if (method === "PATCH") changes.push(JSON.parse(String(body)));
    if (pathname === "/api/v1/tasks/out") return Response.json({ ...task, ...waiting }, { headers: { ETag: '"7"' } });
    return Response.json({ items: [], next: null });
  });
});
afterEach(() => {
  Modal.destroyAll();
  cleanup();
  vi.unstubAllGlobals();
});

// Of the filters the last one stays.
async function shrink(language: Language) {
  render(
    <LanguageProvider language={language}>
      <QueryClientProvider client={new QueryClient()}>
        <App>
          <MemoryRouter initialEntries={["/tasks/out/edit"]} future={{ v7_relativeSplatPath: true, v7_startTransition: true }}>
            <Routes>
              <Route path="/tasks/:name/edit" element={<EditTask />} />
              <Route path="*" element={<p>saved</p>} />
            </Routes>
          </MemoryRouter>
        </App>
      </QueryClientProvider>
    </LanguageProvider>,
  );
  const [next, save] = language === "en" ? ["Next", "Save"] : ["下一步", "保 存"];
  fireEvent.click(await screen.findByText(next));
  for (const filter of ["a/#", "b/#"]) {
    const tag = screen.getByTitle(filter);
    fireEvent.click(tag.querySelector(".ant-select-selection-item-remove")!);
  }
  fireEvent.click(screen.getByText(save));
}

test("what waits by a filter that is gone is read first, then the task is saved", async () => {
  waiting = { lag_messages: 1204 };
  await shrink("en");
  await screen.findByText("Up to 1,204 messages wait in this task; those of a/#, b/# will not be delivered.");
  expect(changes).toEqual([]);
  fireEvent.click(screen.getByText("Save all the same"));
  await screen.findByText("saved");
  expect(changes).toEqual([{ source: { filters: ["c"] } }]);
});

test("who does not want that keeps what was typed, and nothing is saved", async () => {
  waiting = { lag_messages: 0, back_fill_bytes: 2048 };
  await shrink("zh");
  await screen.findByText(/^此任务最多有 0 条消息待投递，另有 2.0 KiB 日志中的消息尚未读取；其中属于 a\/#、b\/# 的消息将不会被投递。$/);
  fireEvent.click(screen.getAllByText(/取\s*消|Cancel/)[0]!);
  await waitFor(() => expect(document.querySelector(".ant-btn-loading")).toBeNull());
  expect(changes).toEqual([]);
  expect(screen.queryByTitle("a/#")).toBeNull();
});

test("where nothing waits, nothing is asked", async () => {
  waiting = { lag_messages: 0 };
  await shrink("en");
  await screen.findByText("saved");
  expect(changes.length).toBe(1);
});
