import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, configure, fireEvent, render, screen, waitFor } from "@testing-library/react";
import type { ReactElement } from "react";
import { Link, MemoryRouter, useLocation } from "react-router-dom";
import { afterEach, expect, test, vi } from "vitest";
import type { Query } from "../api/client";
import { List } from "./list";

configure({ asyncUtilTimeout: 20_000 }); // a busy machine
afterEach(() => {
  cleanup();
  localStorage.clear();
  vi.unstubAllGlobals();
});

interface Row {
  name: string;
  serial: string;
}

let asked: string[];

function Address() {
  return <output>{useLocation().search}</output>;
}

function show(address = "/clients") {
  asked = [];
  const answer = (url: string) => {
    asked.push(url);
    return Promise.resolve(Response.json({ items: [{ name: "a", serial: "4711" }], next: null }));
  };
  vi.stubGlobal("fetch", answer);
  return render(
    <QueryClientProvider client={new QueryClient()}>
      <MemoryRouter initialEntries={[address]} future={{ v7_relativeSplatPath: true, v7_startTransition: true }}>
        <Address />
        <Link to="/clients">menu</Link>
        <List<Row>
          path="/clients"
          isAddressed
          rowKey="name"
          filters={[{ name: "username", label: "User" }]}
          columns={[
            { title: "Name", dataIndex: "name", sort: "name" },
            { title: "Waiting", dataIndex: "waiting", sort: "lag_messages", align: "right" },
            { key: "serial", optional: true, title: "Serial", dataIndex: "serial" },
          ]}
        />
      </MemoryRouter>
    </QueryClientProvider>,
  );
}

test("a column that is optional is there once it is chosen, and the browser remembers it", async () => {
  const first = show();
  await screen.findByText("a");
  expect(screen.queryByText("4711")).toBeNull();
  fireEvent.mouseDown(screen.getByRole("combobox"));
  fireEvent.click(await screen.findByTitle("Serial"));
  await screen.findByText("4711");

  first.unmount();
  show();
  await screen.findByText("4711");
});

test("filters stand in the address: they are there again after a visit elsewhere, and the menu takes them away", async () => {
  show("/clients?username=ann&tab=x");
  const field = screen.getByPlaceholderText("User (exact)") as HTMLInputElement;
  const address = () => document.querySelector("output")!.textContent;
  await screen.findByText("a");
  expect(field.value).toBe("ann");
  expect(asked.at(-1)).toContain("username=ann");

  fireEvent.change(field, { target: { value: "bob" } });
  await waitFor(() => expect(address()).toBe("?username=bob&tab=x"));
  expect(asked.at(-1)).toContain("username=bob");

  fireEvent.click(screen.getByText("menu"));
  await waitFor(() => expect(field.value).toBe(""));
  await waitFor(() => expect(asked.at(-1)).not.toContain("username"));
  expect(address()).toBe("");
});

test("the server sorts by the column whose head is clicked, figures from the largest, and the address says so", async () => {
  show("/clients?username=ann");
  await screen.findByText("a");
  const address = () => document.querySelector("output")!.textContent;
  const click = (title: string) => fireEvent.click(document.querySelector(`th[aria-label="${title}"]`)!);

  click("Waiting");
  await waitFor(() => expect(asked.at(-1)).toContain("username=ann&sort=-lag_messages"));
  await waitFor(() => expect(address()).toBe("?username=ann&sort=-lag_messages"));
  click("Waiting");
  await waitFor(() => expect(asked.at(-1)).toContain("sort=lag_messages"));
  click("Name");
  await waitFor(() => expect(asked.at(-1)).toContain("sort=name"));
  click("Name");
  await waitFor(() => expect(asked.at(-1)).toContain("sort=-name"));
  click("Name");
  await waitFor(() => expect(asked.at(-1)).not.toContain("sort"));
  await waitFor(() => expect(address()).toBe("?username=ann"));
});

test("how a list is sorted filters nothing out of it", async () => {
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json({ items: [], next: null })));
  render(
    <QueryClientProvider client={new QueryClient()}>
      <MemoryRouter initialEntries={["/tasks?sort=-name"]} future={{ v7_relativeSplatPath: true, v7_startTransition: true }}>
        <List<Row> path="/tasks" isAddressed rowKey="name" empty={<p>make one</p>} columns={[{ title: "Name", dataIndex: "name", sort: "name" }]} />
      </MemoryRouter>
    </QueryClientProvider>,
  );
  await screen.findByText("make one");
  expect(document.querySelector("th")!.getAttribute("aria-sort")).toBe("descending");
});

// A server that looks at a part of what it has at a time: each page by the token that leads to it.
function Looking({ parts, query }: { parts: Record<string, { items: Row[]; next: string | null }>; query?: Query }) {
  asked = [];
  vi.stubGlobal("fetch", (url: string) => {
    asked.push(url);
    return Promise.resolve(Response.json(parts[new URL(url, "http://server/").searchParams.get("page") ?? ""]));
  });
  return (
    <MemoryRouter future={{ v7_relativeSplatPath: true, v7_startTransition: true }}>
      <List<Row>
        path="/messages"
        rowKey="name"
        query={query}
        empty={<p>publish one</p>}
        columns={[{ title: "Name", dataIndex: "name" }]}
      />
    </MemoryRouter>
  );
}

function within(client: QueryClient, element: ReactElement) {
  return <QueryClientProvider client={client}>{element}</QueryClientProvider>;
}

test("an empty page with more behind it is not the end: one looks further, up to the end", async () => {
  const parts = {
    "": { items: [], next: "1" },
    "1": { items: [], next: "2" },
    "2": { items: [{ name: "found", serial: "" }], next: "3" },
    "3": { items: [], next: null },
  };
  render(within(new QueryClient(), <Looking parts={parts} query={{ filter: "a/#" }} />));
  await screen.findByText("Nothing in the part looked at so far");
  expect(screen.queryByText("Nothing matches the filter")).toBeNull();
  fireEvent.click(screen.getByText("Look further"));
  await waitFor(() => expect(asked.at(-1)).toContain("page=1"));
  await waitFor(() => expect(document.querySelector(".ant-btn-loading")).toBeNull());
  fireEvent.click(screen.getByText("Look further"));
  await screen.findByText("found");
  fireEvent.click(screen.getByLabelText("Next page"));
  await screen.findByText("Nothing further: this is the end");
});

test("another question begins at its first page", async () => {
  const parts = { "": { items: [{ name: "a", serial: "" }], next: "1" }, "1": { items: [{ name: "b", serial: "" }], next: null } };
  const client = new QueryClient();
  const shown = render(within(client, <Looking parts={parts} query={{ from: "2026-01-01" }} />));
  await screen.findByText("a");
  fireEvent.click(screen.getByLabelText("Next page"));
  await screen.findByText("b");
  shown.rerender(within(client, <Looking parts={parts} query={{ from: "2026-02-02" }} />));
  await screen.findByText("a");
  expect(asked.at(-1)).toContain("from=2026-02-02");
  expect(asked.at(-1)).not.toContain("page=");
});

test("nothing in a span of time is not nothing at all", async () => {
  render(within(new QueryClient(), <Looking parts={{ "": { items: [], next: null } }} query={{ from: "2026-01-01" }} />));
  await screen.findByText("Nothing matches the filter");
  expect(screen.queryByText("publish one")).toBeNull();
});
