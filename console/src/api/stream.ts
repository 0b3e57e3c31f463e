// What the server tells while it happens, one stream for the whole console. What is shown of it is
// asked for again at once, but at most once a second; the overview comes with it.
import { useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import type { Path } from "./client";

const address = "api/v1/stream?kinds=overview,clients,sessions,messages,tasks";
const atMostEvery = 1000; // ms

// Lists and entities that an event of this kind changes, by the beginning of their path.
const touched: Record<string, string[]> = {
  clients: ["/clients", "/events"],
  sessions: ["/clients", "/subscriptions", "/groups", "/events"],
  messages: ["/events"],
  tasks: ["/tasks", "/events"],
};

let isOpen = false;

// Whether changes are told, so that nobody has to ask for them.
export function isTold(path: Path) {
  return isOpen && path === "/overview";
}

export function pathsOf(kinds: Iterable<string>) {
  return new Set([...kinds].flatMap((kind) => touched[kind] ?? []));
}

function refresh(client: QueryClient, kinds: Set<string>) {
  const paths = [...pathsOf(kinds)];
  void client.invalidateQueries({
    refetchType: "active",
    predicate: ({ queryKey: [path] }) => paths.some((begin) => String(path).startsWith(begin)),
  });
}

function listen(client: QueryClient) {
  const stream = new EventSource(address);
  const waiting = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const happened = (kind: string) => {
    waiting.add(kind);
    timer ??= setTimeout(() => {
      timer = undefined;
      refresh(client, waiting);
      waiting.clear();
    }, atMostEvery);
  };
  stream.onopen = () => {
    isOpen = true;
  };
  stream.onerror = () => {
    isOpen = false; // it comes back by itself
  };
  stream.addEventListener("overview", ({ data }: MessageEvent<string>) =>
    client.setQueryData(["/overview", {}, {}], JSON.parse(data)),
  );
  for (const kind of Object.keys(touched)) stream.addEventListener(kind, () => happened(kind));
  stream.addEventListener("missed", () => Object.keys(touched).forEach(happened));
  return () => {
    isOpen = false;
    clearTimeout(timer);
    stream.close();
  };
}

// While the page is in front: a hidden one asks nothing of the server.
export function useStream() {
  const client = useQueryClient();
  useEffect(() => {
    let stop = document.hidden ? undefined : listen(client);
    const change = () => {
      stop?.();
      stop = document.hidden ? undefined : listen(client);
    };
    document.addEventListener("visibilitychange", change);
    return () => {
      document.removeEventListener("visibilitychange", change);
      stop?.();
    };
  }, [client]);
}
