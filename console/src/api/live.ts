// What is shown and changes by itself. One place decides how it comes: asked for again and again
// today, while the page is in front.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, health, type Call, type Entity, type Path } from "./client";

const every = 2000;

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
    refetchInterval: every,
    enabled,
  });
}

export function useHealth() {
  return useQuery({ queryKey: ["health"], queryFn: health, refetchInterval: every });
}
