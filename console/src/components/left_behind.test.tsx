import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { App, Modal } from "antd";
import type { ReactElement } from "react";
import { MemoryRouter, Route, Routes } from "react-router-dom";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { EditConnection } from "../features/connections/connection_form";
import { EditTask } from "../features/tasks/task_form";

const problem = {
  status: 409,
  code: "session_left_behind",
  detail: "the task `in` would leave behind the session `s` at 127.0.0.1:1883",
  hint: "let the task take in what waits there first",
};
const task = {
  id: "1",
  name: "in",
  description: "",
  enabled: true,
  source: { type: "mqtt", connection: "there", filters: ["a/#"] },
  map: { topic: "b" },
  sink: { type: "local" },
};
const connection = { id: "2", name: "there", type: "mqtt", description: "", settings: { host: "a" }, tasks: 0 };
const connector = {
  name: "mqtt",
  summary: "",
  needs_connection: true,
  connection: { properties: { host: { type: "string" } } },
  source: { properties: {} },
  sink: { properties: {} },
  sends_records: false,
};

interface Change {
  query: string;
  ifMatch: string | undefined;
  body: unknown;
}
let changes: Change[];

// A server that refuses each change that is not forced.
async function answer(address: string, { method, headers, body }: RequestInit) {
  const { pathname, searchParams } = new URL(address, "http://server/");
  if (method === "PATCH") {
    const ifMatch = (headers as Record<string, string>)["If-Match"];
    changes.push({ query: searchParams.toString(), ifMatch, body: JSON.parse(String(body)) });
    if (searchParams.get("force") !== "true") return Response.json(problem, { status: 409 });
  }
  const one = { "/api/v1/tasks/in": task, "/api/v1/connections/there": connection }[pathname];
  if (one) return Response.json(one, { headers: { ETag: '"7"' } });
  return Response.json({ items: pathname === "/api/v1/connectors" ? [connector] : [], next: null });
}

beforeEach(() => {
  changes = [];
  vi.stubGlobal("fetch", answer);
});
afterEach(() => {
  Modal.destroyAll();
  cleanup();
  vi.unstubAllGlobals();
});

async function changeDescription(path: string, pattern: string, form: ReactElement) {
  render(
    <QueryClientProvider client={new QueryClient()}>
      <App>
        <MemoryRouter initialEntries={[path]} future={{ v7_relativeSplatPath: true, v7_startTransition: true }}>
          <Routes>
            <Route path={pattern} element={form} />
            <Route path="*" element={<p>saved</p>} />
          </Routes>
        </MemoryRouter>
      </App>
    </QueryClientProvider>,
  );
  fireEvent.change(await screen.findByLabelText("Description"), { target: { value: "another" } });
  fireEvent.click(screen.getByText("Save"));
  const content = (await screen.findByText(problem.detail)).parentElement;
  expect(content?.textContent).toBe(problem.detail + problem.hint);
}

const forms: [string, string, string, ReactElement, string][] = [
  ["task", "/tasks/in/edit", "/tasks/:name/edit", <EditTask />, ""],
  ["connection", "/connections/there/edit", "/connections/:name/edit", <EditConnection />, "restart_tasks=true"],
];

test.each(forms)("what a change of a %s leaves behind is read first, then it is made", async (_, path, pattern, form, query) => {
  await changeDescription(path, pattern, form);
  expect(changes.length).toBe(1);
  fireEvent.click(screen.getByText("Save all the same"));
  await screen.findByText("saved");
  const made = { ifMatch: '"7"', body: { description: "another" } };
  const forced = [query, "force=true"].filter(Boolean).join("&");
  expect(changes).toEqual([{ ...made, query }, { ...made, query: forced }]);
});

test.each(forms)("a %s stays as it is for who does not want that, and the form says why", async (_, path, pattern, form) => {
  await changeDescription(path, pattern, form);
  fireEvent.click(screen.getByText("Cancel"));
  await waitFor(() => expect(document.querySelector(".problem")?.textContent).toBe(problem.detail + problem.hint));
  expect(changes.length).toBe(1);
  expect((screen.getByLabelText("Description") as HTMLInputElement).value).toBe("another");
});
