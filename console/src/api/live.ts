// What is shown and changes by itself. One place decides how it comes: by the server's stream
// (stream.ts), which answers it whenever it has changed; asked for again and again while there is
// none.
import { keepPreviousData, useQuery, type QueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useIsOver } from "./session";
import { isTold, useWatched } from "./stream";
import { api, type Call, type Entity, type Path } from "./client";

const every = 2000; // ms
const everyTold = 30_000; // in case that the stream stands still

export function keyOf(path: Path, call?: Call) {
  return [path, call?.parts ?? {}, call?.query ?? {}] as const;
}

// Asked for once; again when something was changed here (useAction).
export function useGet<T = Entity>(path: Path, call?: Call, enabled = true) {
  return useQuery({
    queryKey: keyOf(path, call),
    queryFn: () => api.get<T>(path, call),
    placeholderData: keepPreviousData,
    enabled,
  });
}

// So that useLive or useGet finds it; a refusal is theirs to show.
export const askAhead = (client: QueryClient, path: Path, call?: Call) =>
  client.prefetchQuery({ queryKey: keyOf(path, call), queryFn: () => api.get(path, call) });

export function useLive<T = Entity>(path: Path, call?: Call, enabled = true) {
  const isOver = useIsOver();
  const queryKey = keyOf(path, call);
  useWatched(path, call, queryKey, enabled && !isOver);
  return useQuery({
    queryKey,
    queryFn: () => api.get<T>(path, call),
    placeholderData: keepPreviousData,
    refetchInterval: () => (isOver ? false : isTold(path, call) ? everyTold : every),
    enabled,
  });
}

// What is edited: as it was when editing began, with its tag. What is shown elsewhere of it is kept
// apart, for the library makes new objects of that, which have none.
export function useOpened<T extends object>(path: Path, call: Call) {
  const { data, error, isPending } = useQuery({
    queryKey: ["opened", ...keyOf(path, call)],
    queryFn: () => api.get<T>(path, call),
    structuralSharing: false,
    gcTime: 0,
  });
  const [opened, setOpened] = useState<T>();
  if (data && !opened) setOpened(data);
  return { opened, error: opened ? undefined : error, isPending };
}
