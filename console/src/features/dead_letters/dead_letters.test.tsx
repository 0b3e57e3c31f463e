import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, configure, render, screen } from "@testing-library/react";
import { MemoryRouter } from "react-router-dom";
import { afterEach, expect, test, vi } from "vitest";
import DeadLetters from "./dead_letters";

configure({ asyncUtilTimeout: 20_000 }); // a busy machine
vi.mock("../../api/session", () => ({ useMay: () => true, useIsOver: () => false }));
afterEach(cleanup);

let answer: object;
vi.stubGlobal("fetch", async () => Response.json(answer));

function show() {
  render(
    <QueryClientProvider client={new QueryClient()}>
      <MemoryRouter future={{ v7_relativeSplatPath: true, v7_startTransition: true }}>
        <DeadLetters />
      </MemoryRouter>
    </QueryClientProvider>,
  );
}

test("each task with letters leads to them, and its commonest reason to those that have it", async () => {
  const task = { id: "1", name: "a b", dead_letters: 1200, bytes: 2048, last_rejected_at: null };
  answer = {
    items: [{ ...task, reason: "no 'watts' & more", reason_letters: 1100 }],
    next: null,
    dead_letters: 1200,
    bytes: 2048,
    maximum_bytes: 1024 ** 3,
  };
  show();
  expect((await screen.findByRole("link", { name: "a b" })).getAttribute("href")).toBe("/tasks/a%20b?tab=letters");
  const reason = new URL(screen.getByRole("link", { name: /watts/ }).getAttribute("href")!, "http://server");
  expect(reason.searchParams.get("reason_contains")).toBe("no 'watts' & more");
  await screen.findByText("1,100 of 1,200");
  await screen.findByText(/Now there are 1,200, which take 2\.0 KiB of at most 1\.0 GiB/);
});

test("where there are none, that is said", async () => {
  answer = { items: [], next: null, dead_letters: 0, bytes: 0, maximum_bytes: 1024 ** 3 };
  show();
  await screen.findByText(/^No task has any/);
  expect(screen.queryByText(/Now there are/)).toBeNull();
});
