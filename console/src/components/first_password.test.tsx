import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { App, Modal } from "antd";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SessionProvider } from "../api/session";
import { FirstPassword } from "./first_password";

let sent: [method: string, path: string, body: unknown][];

beforeEach(() => {
  sent = [];
  vi.stubGlobal("fetch", async (address: string, { method = "GET", body }: RequestInit) => {
    sent.push([method, new URL(address, "http://server/").pathname, body && JSON.parse(String(body))]);
    return Response.json({});
  });
});
afterEach(() => {
  Modal.destroyAll();
  cleanup();
  vi.unstubAllGlobals();
});

function show(isFirst: boolean) {
  render(
    <QueryClientProvider client={new QueryClient()}>
      <App>
        <SessionProvider session={{ user: "admin", role: "administrator", has_first_password: isFirst }}>
          <FirstPassword />
        </SessionProvider>
      </App>
    </QueryClientProvider>,
  );
}

test("who logged in with the printed password is asked for another at once, and may do it later", async () => {
  show(true);
  fireEvent.click(await screen.findByText("Cancel"));
  fireEvent.click(screen.getByRole("button", { name: "Set a password of your own" }));
  fireEvent.change(await screen.findByLabelText("Password that holds now"), { target: { value: "printed" } });
  fireEvent.change(screen.getByLabelText("New password"), { target: { value: "chosen by me" } });
  fireEvent.click(screen.getByText("Change password"));
  const change = { password: "printed", new_password: "chosen by me" };
  await waitFor(() => expect(sent).toEqual([["POST", "/api/v1/session:password", change]]));
});

test("whose password somebody chose is asked nothing", () => {
  show(false);
  expect(screen.queryByRole("alert")).toBeNull();
  expect(screen.queryByRole("dialog")).toBeNull();
});
