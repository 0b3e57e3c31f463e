import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, renderHook, waitFor } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, expect, test, vi } from "vitest";
import { tagOf } from "./client";
import { useGet, useOpened } from "./live";

afterEach(() => vi.unstubAllGlobals());

test("what is edited has its tag, though what is shown of it has lost it", async () => {
  let lag = 0;
  const answer = async () => {
    lag += 1;
    return new Response(JSON.stringify({ id: "1", lag, map: {} }), { status: 200, headers: { ETag: '"1"' } });
  };
  vi.stubGlobal("fetch", answer);
  const client = new QueryClient();
  const wrapper = ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={client}>{children}</QueryClientProvider>
  );
  const call = { parts: { name: "a" } };
  const shown = renderHook(() => useGet<{ lag: number }>("/tasks/{name}", call), { wrapper });
  await waitFor(() => expect(shown.result.current.data?.lag).toBe(1));
  await act(async () => void (await shown.result.current.refetch()));
  await waitFor(() => expect(shown.result.current.data?.lag).toBe(2));
  expect(tagOf(shown.result.current.data)).toBeUndefined();

  const edited = renderHook(() => useOpened<{ lag: number }>("/tasks/{name}", call), { wrapper });
  await waitFor(() => expect(edited.result.current.opened?.lag).toBe(3));
  expect(tagOf(edited.result.current.opened)).toBe('"1"');
  await act(async () => void (await client.invalidateQueries()));
  expect(edited.result.current.opened?.lag).toBe(3); // as it was when editing began
});
