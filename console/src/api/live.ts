// What is shown and changes by itself. One place decides how it comes: by the server's stream
// (stream.ts) what is told there; figures that change all the time are asked for again and again
// while the page is in front.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
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
  return useQuery({
    queryKey: keyOf(path, call),
    queryFn: () => api.get<T>(path, call),
    placeholderData: keepPreviousData,
    refetchInterval: () => (isTold(path) ? everyTold : every),
    enabled,
  });
}

export function useHealth() {
  return useQuery({ queryKey: ["health"], queryFn: health, refetchInterval: every });
}
