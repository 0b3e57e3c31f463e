// What the server tells while it happens, one stream for the whole console. What is shown of it is
// asked for again at once, but at most once a second; the overview comes with it.
import { useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { api, ApiError, type Path } from "./client";
import { setAway } from "./reach";

const address = "api/v1/stream?kinds=overview,clients,sessions,messages,tasks";
const atMostEvery = 1000; // ms
const quiet = 5000; // ms: the overview comes every two seconds
const again = 1500; // ms
const longest = 30_000; // ms between two attempts, where a server answers and has no stream for us

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

// What is told is asked for again, but not more often than `atMostEvery`.
function gather(client: QueryClient) {
  const waiting = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    happened: (kind: string) => {
      waiting.add(kind);
      timer ??= setTimeout(() => {
        timer = undefined;
        refresh(client, waiting);
        waiting.clear();
      }, atMostEvery);
    },
    stop: () => clearTimeout(timer),
  };
}

// The stream, again and again. A browser gives one up for good that was answered with an error, and
// does not notice a server that has fallen silent: so it is begun anew here, once a request is
// answered. All that is shown is asked for then; what happened meanwhile was not told.
function listen(client: QueryClient) {
  const { happened, stop } = gather(client);
  let stream: EventSource | undefined;
  let silence: ReturnType<typeof setTimeout> | undefined;
  let next: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let isStopped = false;
  const heard = () => {
    failures = 0;
    isOpen = true;
    setAway(false);
    clearTimeout(silence);
    silence = setTimeout(lose, quiet);
  };
  const lose = () => {
    isOpen = false;
    stream?.close();
    clearTimeout(silence);
    clearTimeout(next);
    next = setTimeout(tryAgain, Math.min(again * failures, longest));
    failures += 1;
  };
  const tryAgain = async () => {
    const slow = setTimeout(setAway, again, true);
    try {
      await api.get("/overview");
      if (isStopped) return;
      void client.invalidateQueries();
      open();
    } catch (error) {
      const isOver = error instanceof ApiError && error.problem.status === 401;
      if (!isStopped && !isOver) next = setTimeout(tryAgain, again);
    } finally {
      clearTimeout(slow);
    }
  };
  const open = () => {
    stream = new EventSource(address);
    stream.onopen = heard;
    stream.onerror = lose;
    stream.addEventListener("overview", ({ data }: MessageEvent<string>) => {
      heard();
      client.setQueryData(["/overview", {}, {}], JSON.parse(data));
    });
    for (const kind of Object.keys(touched)) stream.addEventListener(kind, () => happened(kind));
    stream.addEventListener("missed", () => Object.keys(touched).forEach(happened));
  };
  open();
  return () => {
    isOpen = false;
    isStopped = true;
    stop();
    clearTimeout(silence);
    clearTimeout(next);
    stream?.close();
  };
}

// While the page is in front and somebody is logged in: a hidden one asks nothing of the server.
export function useStream(isWanted: boolean) {
  const client = useQueryClient();
  useEffect(() => {
    if (!isWanted) return undefined;
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
  }, [client, isWanted]);
}
