import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, configure, fireEvent, render, screen } from "@testing-library/react";
import { App, Modal } from "antd";
import { MemoryRouter } from "react-router-dom";
import { afterEach, expect, test, vi } from "vitest";
import type { Task } from "../../api/task";
import { LanguageProvider, type Language } from "../../words/language";
import { useDeletion } from "./deletion";

configure({ asyncUtilTimeout: 20_000 }); // a busy machine

const created = "2026-03-01T12:00:00.003Z";
const task = {
  id: "1",
  name: "out",
  source: { type: "local" },
  lag_messages: 3,
  dead_letters: 0,
  account: "task-out",
  account_made: true,
  created,
} as Task;
let others: object[];
const deleted: string[] = [];

vi.stubGlobal("fetch", async (address: string, { method }: RequestInit) => {
  if (method === "DELETE") {
    deleted.push(address);
    return new Response(null, { status: 204 });
  }
  const lists: Record<string, object[]> = {
    "/api/v1/users": [{ name: "task-out", created }],
    "/api/v1/policies": [{ name: "p", users: ["task-out"], created }],
    "/api/v1/tasks": others,
  };
  return Response.json({ items: lists[new URL(address, "http://server/").pathname], next: null });
});
afterEach(() => {
  Modal.destroyAll();
  cleanup();
});

function Remove() {
  return <button onClick={useDeletion(task)}>remove</button>;
}

function remove(language: Language) {
  render(
    <LanguageProvider language={language}>
      <QueryClientProvider client={new QueryClient()}>
        <App>
          <MemoryRouter future={{ v7_relativeSplatPath: true, v7_startTransition: true }}>
            <Remove />
          </MemoryRouter>
        </App>
      </QueryClientProvider>
    </LanguageProvider>,
  );
  fireEvent.click(screen.getByText("remove"));
}

test("the user that was made with a task is named before both go", async () => {
  others = [task];
  remove("en");
  await screen.findByText("Its user task-out and the policy made with it go, too.");
  expect(deleted).toEqual([]);
  fireEvent.click(screen.getByText("Delete"));
  await vi.waitFor(() => expect(deleted).toEqual(["api/v1/tasks/out"]));
});

test("a user that another task runs as stays, and the task is named", async () => {
  others = [task, { id: "2", name: "second", account: "task-out" }];
  remove("zh");
  await screen.findByText("其用户 task-out 及随之创建的策略保留：以下任务也以它运行：second。");
});
