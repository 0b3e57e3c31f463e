import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, configure, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { App } from "antd";
import { MemoryRouter, useLocation } from "react-router-dom";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Task } from "../../api/task";
import { useTaskDialogs, type Kind } from "./dialogs";

configure({ asyncUtilTimeout: 20_000 }); // a busy machine

const task = {
  id: "1",
  name: "out",
  source: { type: "local" },
  map: { topic: "t" },
  delivered: 5,
  lag_messages: 3,
} as Task;
const effect = { again: 0, passed_over: 3, messages: 9 };
let refusal: object | undefined; // of the next change; the one after it is made
let asked: { address: string; body: unknown }[];

Element.prototype.scrollIntoView = () => {}; // jsdom has none

beforeEach(() => {
  asked = [];
  vi.stubGlobal("fetch", async (address: string, { method, body }: RequestInit) => {
    if (method !== "POST") return Response.json(effect);
    asked.push({ address, body: JSON.parse(String(body)) });
    const refused = refusal;
    refusal = undefined;
    return refused ? Response.json({ status: 409, hint: "try another", ...refused }, { status: 409 }) : Response.json({ name: "made" });
  });
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function Page({ kind }: { kind: Kind }) {
  const { ask, dialog } = useTaskDialogs();
  return (
    <>
      <button onClick={() => ask(kind, task)}>ask</button>
      <p>at {useLocation().pathname}</p>
      {dialog}
    </>
  );
}

async function open(kind: Kind) {
  render(
    <QueryClientProvider client={new QueryClient()}>
      <App>
        <MemoryRouter future={{ v7_relativeSplatPath: true, v7_startTransition: true }}>
          <Page kind={kind} />
        </MemoryRouter>
      </App>
    </QueryClientProvider>,
  );
  fireEvent.click(screen.getByText("ask"));
  await screen.findByText("Cancel");
}

const field = (label: string) => screen.getByLabelText(label) as HTMLInputElement;
const wrongOf = (input: HTMLElement) => input.closest(".ant-form-item")!.querySelector(".ant-form-item-explain-error")?.textContent;
const wrongAt = (label: string) => wrongOf(field(label));
const isClosed = () => waitFor(() => expect(screen.queryByText("Cancel")).toBeNull());

test("a copy whose name is refused says so at the name, which stays, and is made with another one", async () => {
  refusal = { code: "name_taken", detail: "a task of this name exists", fields: [{ pointer: "/name", detail: "is taken" }] };
  await open("copy");
  const name = "Name of the new task";
  expect(field(name).value).toBe("out-2");
  fireEvent.change(field(name), { target: { value: "mine" } });
  fireEvent.click(screen.getByText("Create"));
  await waitFor(() => expect(wrongAt(name)).toBe("is takentry another"));
  expect(field(name).value).toBe("mine");
  expect(screen.getByText("at /")).toBeTruthy();

  fireEvent.change(field(name), { target: { value: "mine-2" } });
  fireEvent.click(screen.getByText("Create"));
  await screen.findByText("at /tasks/made");
  await isClosed();
  const address = "api/v1/tasks/out:copy";
  expect(asked).toEqual([
    { address, body: { name: "mine" } },
    { address, body: { name: "mine-2" } },
  ]);
});

test("a replay that is refused says why at its fields, and keeps the topic", async () => {
  const fields = [
    { pointer: "/topic", detail: "is no template" },
    { pointer: "/to", detail: "must not lie in the future" },
  ];
  refusal = { code: "invalid_document", detail: "this does not say what is to go again", fields };
  await open("replay");
  const [topic, range] = [/^To this topic/, /^Stored from/].map((label) => screen.getByLabelText(label).id);
  const wrong = (id: string) => wrongOf(document.getElementById(id)!);
  fireEvent.change(document.getElementById(topic!)!, { target: { value: "${" } });
  fireEvent.click(screen.getByText("OK"));
  await waitFor(() => expect(wrong(topic!)).toContain("is no template"));
  expect(wrong(range!)).toContain("must not lie in the future");
  expect((document.getElementById(topic!) as HTMLInputElement).value).toBe("${");

  fireEvent.click(screen.getByText("OK"));
  await screen.findByText("at /tasks/made");
  expect(asked.map(({ body }) => body)).toEqual(Array(2).fill({ from: "earliest", to: "now", topic: "${" }));
});

test("a task that cannot go elsewhere says why in the dialogue, where the choice stays", async () => {
  refusal = { code: "wrong_state", detail: "the task is being changed" };
  await open("seek");
  fireEvent.click(screen.getByLabelText("With the next message that comes"));
  await screen.findByText("3 messages that wait are passed over, and not delivered.");
  fireEvent.click(screen.getByText("OK"));
  const told = await screen.findByText("the task is being changed");
  expect(told.closest("[role=dialog]")).not.toBeNull();
  expect(field("With the next message that comes").checked).toBe(true);

  fireEvent.click(screen.getByText("OK"));
  await isClosed();
  expect(asked.map(({ body }) => body)).toEqual([{ start: "now" }, { start: "now" }]);
});

test("a time that is not chosen yet is not sent", async () => {
  await open("seek");
  fireEvent.click(screen.getAllByLabelText("With messages stored from a time on")[0]!);
  await waitFor(() => expect((screen.getByText("OK").closest("button") as HTMLButtonElement).disabled).toBe(true));
  fireEvent.submit(document.querySelector("form")!);
  expect(asked).toEqual([]);
});
