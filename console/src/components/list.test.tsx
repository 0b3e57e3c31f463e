import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
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

function show() {
  const answer = () => Promise.resolve(Response.json({ items: [{ name: "a", serial: "4711" }], next: null }));
  vi.stubGlobal("fetch", answer);
  return render(
    <QueryClientProvider client={new QueryClient()}>
      <List<Row>
        path="/clients"
        rowKey="name"
        columns={[
          { title: "Name", dataIndex: "name" },
          { key: "serial", optional: true, title: "Serial", dataIndex: "serial" },
        ]}
      />
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
