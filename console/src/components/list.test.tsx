import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { Link, MemoryRouter, useLocation } from "react-router-dom";
import { afterEach, expect, test, vi } from "vitest";
import { List } from "./list";

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
            { title: "Name", dataIndex: "name" },
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
