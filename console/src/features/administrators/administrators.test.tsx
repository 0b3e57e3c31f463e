import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, configure, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { App, Modal } from "antd";
import { MemoryRouter } from "react-router-dom";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SessionProvider } from "../../api/session";
import Administrators from "./administrators";

configure({ asyncUtilTimeout: 20_000 }); // a busy machine
const ann = { id: "1", name: "ann", role: "operator", description: "", logins: 3, tokens: 2 };
let changed: unknown[];

async function answer(address: string, { method = "GET", body }: RequestInit = {}) {
  const { pathname } = new URL(address, "http://server/");
  if (method === "PATCH") changed.push(JSON.parse(String(body)));
  const isOne = pathname.endsWith("/ann");
  return Response.json(isOne ? ann : { items: [ann], next: null }, { headers: { ETag: '"7"' } });
}

beforeEach(() => {
  changed = [];
  vi.stubGlobal("fetch", answer);
});
afterEach(() => {
  Modal.destroyAll();
  cleanup();
  vi.unstubAllGlobals();
});

function show(user = "admin") {
  render(
    <QueryClientProvider client={new QueryClient()}>
      <App>
        <SessionProvider session={{ user, role: "administrator" }}>
          <MemoryRouter future={{ v7_relativeSplatPath: true, v7_startTransition: true }}>
            <Administrators />
          </MemoryRouter>
        </SessionProvider>
      </App>
    </QueryClientProvider>,
  );
}

async function edit(from: string, to: string) {
  show();
  fireEvent.click(await screen.findByLabelText("Edit: ann"));
  const json = await screen.findByLabelText<HTMLTextAreaElement>("JSON");
  fireEvent.change(json, { target: { value: json.value.replace(from, to) } });
  fireEvent.click(screen.getByText("Save"));
}

test("how many logins and tokens a deletion ends is read before it is done", async () => {
  show();
  fireEvent.click(await screen.findByLabelText("Delete: ann"));
  await screen.findByText(/^Its logins end at once: 3, and its tokens: 2\./);
});

test("another role ends logins: how many is asked about, and it is given once that is meant", async () => {
  await edit("operator", "viewer");
  await screen.findByText("Logins of the account that end at once: 3.");
  await screen.findByText(/^Its tokens stay: 2\./);
  expect(changed).toEqual([]);
  fireEvent.click(screen.getAllByText("Save").at(-1)!);
  await waitFor(() => expect(changed).toEqual([{ role: "viewer" }]));
});

test("another description ends nothing, and is not asked about", async () => {
  await edit('"description": ""', '"description": "on call"');
  await waitFor(() => expect(changed).toEqual([{ description: "on call" }]));
});

test("another password says how many logins it ends, the own one that the others do", async () => {
  show();
  fireEvent.click(await screen.findByLabelText("Change password: ann"));
  await screen.findByText(/Logins of the account that end at once: 3\./);
  cleanup();
  show("ann");
  fireEvent.click(await screen.findByText("Change my password"));
  await screen.findByText(/Other logins of your account that end: 2\./);
});
