import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, configure, fireEvent, render, screen, within } from "@testing-library/react";
import { App, Modal, notification } from "antd";
import { MemoryRouter } from "react-router-dom";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Task } from "../../api/task";
import { LanguageProvider, type Language } from "../../words/language";
import { Letters } from "./letters";

configure({ asyncUtilTimeout: 20_000 }); // a busy machine
vi.mock("../../api/session", () => ({ useMay: () => true, useIsOver: () => false }));
afterEach(() => {
  Modal.destroyAll();
  notification.destroy();
  cleanup();
});

const task = { id: "1", name: "out", dead_letters: 5 } as Task;
const letter = { message_id: "7", rejected_at: "", class: "given_up", reason: "r", attempts: 1, topic: "a", client_id: "c", payload: "" };
let counted: object;
let items: object[];
let next: string | null;
let asked: string[]; // with the method, for all but lists
let listed: string[];

beforeEach(() => {
  [counted, items, next, asked, listed] = [{ letters: 3, at_least: false, to: "T" }, [letter], null, [], []];
});
vi.stubGlobal("fetch", async (address: string, { method, body }: RequestInit) => {
  if (/dead-letters(\?|$)/.test(address) && method === "GET") {
    listed.push(address);
    return Response.json({ items, next });
  }
  asked.push([method, address.replace("api/v1/tasks/out/", ""), body].filter(Boolean).join(" "));
  if (method === "GET") return Response.json(counted);
  return Response.json(method === "POST" ? { redriven: 2, refused: 1, left: 3, stopped: null } : { deleted: 3, left: 2, stopped: null });
});

function show(address: string, language: Language = "en") {
  render(
    <LanguageProvider language={language}>
      <QueryClientProvider client={new QueryClient()}>
        <App>
          <MemoryRouter initialEntries={[address]} future={{ v7_relativeSplatPath: true, v7_startTransition: true }}>
            <Letters task={task} />
          </MemoryRouter>
        </App>
      </QueryClientProvider>
    </LanguageProvider>,
  );
}

const inDialog = async (name: string) => within(await screen.findByRole("dialog")).findByRole("button", { name });

test("without a filter all of them are meant", async () => {
  show("/tasks/out?tab=letters");
  fireEvent.click(await screen.findByText("Send all again (5)"));
  await screen.findByText("2 sent, 1 refused again, 3 left");
  expect(asked).toEqual(['POST dead-letters:redrive {"all":true}']);

  fireEvent.click(await screen.findByText("Delete all (5)"));
  await screen.findByText(/^3 messages are given up/);
  fireEvent.click(await inDialog("Delete"));
  await screen.findByText("3 deleted, 2 left");
  expect(asked.slice(1)).toEqual(["GET dead-letters-preview", "DELETE dead-letters?to=T"]); // none that came since
});

test("of all that were not counted to the end the task's own number is said", async () => {
  counted = { letters: 4, at_least: true, to: "T" };
  show("/tasks/out?tab=letters");
  fireEvent.click(await screen.findByText("Delete all (5)"));
  await screen.findByText(/^≥ 5 messages are given up/);
});

test("what a filter shows goes after its number was said, and nothing that came since", async () => {
  show("/tasks/out?tab=letters&filter=a/%2B&class=given_up");
  await screen.findByText("r");
  expect(listed.at(-1)).toContain("class=given_up&filter=a%2F%2B");

  fireEvent.click(screen.getByText("Delete what matches"));
  await screen.findByText(/^Dead letters that match: 3\. Their messages are given up/);
  expect(asked).toEqual(["GET dead-letters-preview?class=given_up&filter=a%2F%2B"]);
  fireEvent.click(await inDialog("Delete"));
  await screen.findByText("3 deleted, 2 left");
  expect(asked.at(-1)).toBe("DELETE dead-letters?class=given_up&filter=a%2F%2B&to=T");
});

test("where not all was counted, that is said; who does not want to has changed nothing", async () => {
  counted = { letters: 1200, at_least: true, to: "T" };
  show("/tasks/out?tab=letters&client_id=c");
  fireEvent.click(await screen.findByText("Send again what matches"));
  await screen.findByText(/^Dead letters that match: ≥ 1,200\. They are made anew/);
  fireEvent.click(await inDialog("Cancel"));
  await vi.waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(asked).toEqual(["GET dead-letters-preview?client_id=c"]);

  fireEvent.click(screen.getByText("Send again what matches"));
  fireEvent.click(await inDialog("Send again"));
  await screen.findByText("2 sent, 1 refused again, 3 left");
  expect(asked.at(-1)).toBe('POST dead-letters:redrive?client_id=c&to=T {"all":true}');
});

test("nothing is asked of somebody where nothing matches", async () => {
  counted = { letters: 0, at_least: false, to: "T" };
  items = [];
  show("/tasks/out?tab=letters&reason_contains=x");
  await screen.findByText("Nothing matches the filter");
  fireEvent.click(screen.getByText("Delete what matches"));
  await screen.findByText("No dead letter matches");
  expect(screen.queryByRole("dialog")).toBeNull();
});

test("a search that the server has cut goes on", async () => {
  [items, next] = [[], "00000000000000000007"];
  show("/tasks/out?tab=letters&reason_contains=x", "zh");
  fireEvent.click(await screen.findByText("继续查找"));
  await vi.waitFor(() => expect(listed.at(-1)).toContain("page=00000000000000000007"));
  expect(listed.at(-1)).toContain("reason_contains=x");
  await screen.findByText("删除符合条件的");
});
