import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, configure, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { MemoryRouter } from "react-router-dom";
import { afterEach, expect, test, vi } from "vitest";
import { Connected } from "./step";

configure({ asyncUtilTimeout: 20_000 }); // a busy machine

const connection = (name: string) => ({ id: name, name, status: "healthy", bound_resource: `${name}:9092` });
let next: string | null;
let asked: string[];

vi.stubGlobal("fetch", async (address: string) => {
  const { searchParams } = new URL(address, "http://server/");
  const name = searchParams.get("name");
  asked.push(String(searchParams));
  if (name !== null) return Response.json({ items: name === "far" ? [connection("far")] : [], next: null });
  return Response.json({ items: searchParams.has("page") ? [] : [connection("near")], next });
});
afterEach(cleanup);

async function type(text: string) {
  asked = [];
  const step = { document: { sink: { type: "kafka" } }, set: vi.fn(), replace: vi.fn(), problems: [] };
  render(
    <QueryClientProvider client={new QueryClient()}>
      <MemoryRouter future={{ v7_relativeSplatPath: true, v7_startTransition: true }}>
        <Connected {...step} of="sink" isKnown={false} makesAccount={false} setMakesAccount={vi.fn()} />
      </MemoryRouter>
    </QueryClientProvider>,
  );
  const field = screen.getByLabelText("Connection");
  fireEvent.mouseDown(field);
  await screen.findByTitle("near · near:9092 · healthy");
  fireEvent.change(field, { target: { value: text } });
  return step.set;
}

test("of more connections than are read, the one whose name is typed is asked for", async () => {
  next = "more";
  const set = await type("far");
  expect(await screen.findByText("There are more than these 1: type the whole name of another one.")).toBeTruthy();
  fireEvent.click(await screen.findByTitle("far · far:9092 · healthy"));
  expect(set).toHaveBeenCalledWith("sink", { type: "kafka", connection: "far" });
});

test("where all are read, none is asked for besides", async () => {
  next = null;
  await type("far");
  await waitFor(() => expect(screen.queryByTitle("near · near:9092 · healthy")).toBeNull());
  expect(asked).toEqual(["type=kafka&limit=1000"]);
  expect(screen.queryByText(/There are more/)).toBeNull();
});
