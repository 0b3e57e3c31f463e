// What is shown and changes by itself. One place decides how it comes: by the server's stream
// (stream.ts) what is told there; figures that change all the time are asked for again and again
// while the page is in front.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useIsOver } from "./session";
import { isTold } from "./stream";
import { api, health, type Call, type Entity, type Path } from "./client";

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

export function useLive<T = Entity>(path: Path, call?: Call, enabled = true) {
  const isOver = useIsOver();
  return useQuery({
    queryKey: keyOf(path, call),
    queryFn: () => api.get<T>(path, call),
    placeholderData: keepPreviousData,
    refetchInterval: () => (isOver ? false : isTold(path) ? everyTold : every),
    enabled,
  });
}

export function useHealth() {
  const isOver = useIsOver();
  return useQuery({ queryKey: ["health"], queryFn: health, refetchInterval: isOver ? false : every });
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
