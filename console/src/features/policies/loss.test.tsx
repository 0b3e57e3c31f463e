import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { App, Modal } from "antd";
import { MemoryRouter } from "react-router-dom";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SessionProvider } from "../../api/session";
import { isFeltLater } from "./loss";
import Policies from "./policies";

const policy = {
  id: "1",
  name: "doors",
  effect: "allow",
  operations: ["subscribe"],
  resources: ["doors/#"],
  users: [],
  client_ids: ["r-*"],
  sources: [],
};
const nothing = { clients_disconnected: 0, subscriptions_dropped: 0, clients: [], tasks: [] };
const something = { clients_disconnected: 1200, subscriptions_dropped: 3, clients: ["r-1", "r-2"], tasks: ["files"] };

const problem = (status: number, code: string) => ({ status, code, detail: "no", hint: "", fields: [] });

let loss: object;
let refusal: { status: number } | undefined;
let sent: [method: string, path: string, body: unknown][];

async function answer(address: string, { method = "GET", body }: RequestInit) {
  const { pathname } = new URL(address, "http://server/");
  const path = pathname.replace("/api/v1", "");
  if (method !== "GET") sent.push([method, path, body ? JSON.parse(String(body)) : undefined]);
  if (path === "/policies:preview") return refusal ? Response.json(refusal, { status: refusal.status }) : Response.json(loss);
  if (path === "/policies/doors") return Response.json(policy, { headers: { ETag: '"7"' } });
  if (path === "/policies") return Response.json({ items: [policy], next: null });
  if (path === "/overview") return Response.json({ access_enabled: true });
  return Response.json({ items: [], next: null });
}

beforeEach(() => {
  loss = something;
  refusal = undefined;
  sent = [];
  vi.stubGlobal("fetch", answer);
});
afterEach(() => {
  Modal.destroyAll();
  cleanup();
  vi.unstubAllGlobals();
});

function show() {
  render(
    <QueryClientProvider client={new QueryClient()}>
      <App>
        <SessionProvider session={{ user: "admin", role: "administrator" }}>
          <MemoryRouter future={{ v7_relativeSplatPath: true, v7_startTransition: true }}>
            <Policies />
          </MemoryRouter>
        </SessionProvider>
      </App>
    </QueryClientProvider>,
  );
}

async function narrow() {
  show();
  fireEvent.click(await screen.findByLabelText("Edit: doors"));
  const json = await screen.findByLabelText<HTMLTextAreaElement>("JSON");
  fireEvent.change(json, { target: { value: json.value.replace("doors/#", "doors/3") } });
  fireEvent.click(screen.getByText("Save"));
}

test("what deleting a policy takes away is read in numbers before it is done", async () => {
  show();
  fireEvent.click(await screen.findByLabelText("Delete: doors"));
  await screen.findByText("Clients that are disconnected at once: 1,200. Subscriptions that end: 3.");
  await screen.findByText(/first of all: r-1, r-2/);
  await screen.findByText(/account lacks a right then: files/);
  expect(sent).toEqual([["POST", "/policies:preview", { name: "doors" }]]);
});

test("a change that takes something away is asked about, and made once it is meant", async () => {
  await narrow();
  await screen.findByText("Clients that are disconnected at once: 1,200. Subscriptions that end: 3.");
  const change = { resources: ["doors/3"] };
  expect(sent).toEqual([["POST", "/policies:preview", { name: "doors", policy: change }]]);
  fireEvent.click(screen.getAllByText("Save").at(-1)!);
  await waitFor(() => expect(sent.at(-1)).toEqual(["PATCH", "/policies/doors", change]));
});

test("a change that takes nothing away, or that is refused anyhow, is not asked about", async () => {
  loss = nothing;
  await narrow();
  await waitFor(() => expect(sent.at(-1)?.[0]).toBe("PATCH"));
  cleanup();
  sent = [];
  refusal = problem(422, "invalid_document");
  await narrow();
  await waitFor(() => expect(sent.at(-1)?.[0]).toBe("PATCH"));
});

test("a server that does not come to all sessions in time is no reason not to go on", async () => {
  refusal = problem(503, "overloaded");
  await narrow();
  await screen.findByText(/could not be found out in time/);
  fireEvent.click(screen.getAllByText("Save").at(-1)!);
  await waitFor(() => expect(sent.at(-1)?.[0]).toBe("PATCH"));
});

test.each([
  [{ effect: "deny", operations: ["publish"] }, undefined, true],
  [{ effect: "allow", operations: ["publish"] }, undefined, false],
  [{ effect: "allow", operations: ["publish"] }, { resources: ["a"] }, true],
  [{ effect: "allow", operations: ["subscribe"] }, { resources: ["a"] }, false],
  [{ effect: "allow", operations: ["subscribe"] }, { operations: ["subscribe"] }, true], // it may have had another one
  [{ effect: "deny", operations: ["subscribe"] }, { resources: ["a"] }, true],
  [{ effect: "deny", operations: ["publish"] }, { description: "a", name: "b" }, false],
])("publishes and deliveries that are refused later are asked about: %o %o", (policy, patch, isAsked) => {
  expect(isFeltLater(policy, patch)).toBe(isAsked);
});
