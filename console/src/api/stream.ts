// What the server tells while it happens, one stream for the whole console. What events change is
// asked for again at once, but at most once a second. What pages look at (useWatched) the server
// answers by itself whenever it has changed.
import { useQueryClient, type QueryClient, type QueryKey } from "@tanstack/react-query";
import { useEffect } from "react";
import { api, ApiError, targetOf, type Call, type Path } from "./client";
import { setAway } from "./reach";

const address = "api/v1/stream?kinds=overview,clients,sessions,messages,tasks";
const overview = "/overview"; // comes every two seconds whoever looks: a sign of life, too
const mostWatched = 16; // by one stream
const longestAddress = 4096; // characters: servers and proxies refuse long ones
const asked = 1500; // ms: what came since is newer than what the server tells every two seconds
const settled = 100; // ms after which a page has said what it looks at
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

// What pages look at, by its target; `told`: what the open stream has answered of it.
interface Watched {
  key: QueryKey;
  by: number; // pages, or parts of one
}
const watched = new Map<string, Watched>();
const told = new Map<string, unknown>(); // the answer, where it came whole
let onWatched: (() => void) | undefined;

// Whether changes are told, so that nobody has to ask for them.
export function isTold(path: Path, call?: Call) {
  return isOpen && told.has(targetOf(path, call));
}

export function watch(path: Path, call: Call | undefined, key: QueryKey) {
  const target = targetOf(path, call);
  const of = watched.get(target) ?? { key, by: 0 };
  of.by += 1;
  watched.set(target, of);
  onWatched?.();
  return () => {
    of.by -= 1;
    if (of.by > 0) return;
    watched.delete(target);
    onWatched?.();
  };
}

export function useWatched(path: Path, call: Call | undefined, key: QueryKey, enabled: boolean) {
  const target = targetOf(path, call);
  useEffect(() => (enabled ? watch(path, call, key) : undefined), [target, enabled]); // of which all three are made
}

// Of what does not fit, pages ask again and again.
export function addressOf(targets: Iterable<string>, after: string) {
  let text = address + (after && `&after=${after}`);
  let count = 0;
  for (const target of targets) {
    if (target === overview) continue;
    const more = (count === 0 ? "&watch=" : "%20") + encodeURIComponent(target);
    if (count === mostWatched || text.length + more.length > longestAddress) continue;
    text += more;
    count += 1;
  }
  return text;
}

interface Answer {
  target: string;
  status: number;
  body?: unknown;
}

// An answer that a page waits for may be older than this one, or newer: it is asked for once more.
function show(client: QueryClient, { target, status, body }: Answer, askAgain: (key: QueryKey) => void) {
  const of = watched.get(target);
  if (!of) return;
  const isWhole = status === 200 && body !== undefined;
  told.set(target, isWhole ? body : undefined);
  const isAsked = client.isFetching({ queryKey: of.key, exact: true }) > 0;
  if (isWhole && !isAsked) client.setQueryData(of.key, body);
  else askAgain(of.key);
}

// What was told is still so, and as new as an answer would be. What the page has asked for itself
// since, after a change, may be newer than the server's look at it: that comes with the next one.
function keep(client: QueryClient, target: string) {
  const of = watched.get(target);
  const body = told.get(target);
  const shown = of && client.getQueryState(of.key);
  if (!of || body === undefined || shown?.fetchStatus === "fetching") return;
  const isFresh = shown?.status === "success" && Date.now() - shown.dataUpdatedAt < asked;
  if (isFresh) return;
  client.setQueryData(of.key, body);
}

export function pathsOf(kinds: Iterable<string>) {
  return new Set([...kinds].flatMap((kind) => touched[kind] ?? []));
}

function refresh(client: QueryClient, kinds: Set<string>) {
  const paths = [...pathsOf(kinds)];
  void client.invalidateQueries({
    refetchType: "active",
    predicate: ({ queryKey: [path, parts, query] }) =>
      paths.some((begin) => String(path).startsWith(begin)) && !isTold(path as Path, { parts, query } as Call),
  });
}

// What is told is asked for again, but not more often than `atMostEvery`.
function gather(client: QueryClient) {
  const waiting = new Set<string>();
  const keys = new Set<QueryKey>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const askSoon = () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      refresh(client, waiting);
      for (const queryKey of keys) void client.invalidateQueries({ queryKey, exact: true });
      waiting.clear();
      keys.clear();
    }, atMostEvery);
  };
  return {
    happened: (kind: string) => {
      waiting.add(kind);
      askSoon();
    },
    askAgain: (key: QueryKey) => {
      keys.add(key);
      askSoon();
    },
    stop: () => clearTimeout(timer),
  };
}

// The stream, again and again. A browser gives one up for good that was answered with an error, and
// does not notice a server that has fallen silent: so it is begun anew here, once a request is
// answered. All that is shown is asked for then; what happened meanwhile was not told.
function listen(client: QueryClient) {
  const { happened, askAgain, stop } = gather(client);
  let stream: EventSource | undefined;
  let coming: EventSource | undefined; // with what pages look at now; takes the place of `stream`
  let after = ""; // the last event
  let silence: ReturnType<typeof setTimeout> | undefined;
  let next: ReturnType<typeof setTimeout> | undefined;
  let change: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let isStopped = false;
  const heard = () => {
    failures = 0;
    isOpen = true;
    setAway(false);
    clearTimeout(silence);
    silence = setTimeout(lose, quiet);
  };
  const close = () => {
    isOpen = false;
    told.clear();
    stream?.close();
    coming?.close();
    stream = coming = undefined;
    [silence, next, change].forEach(clearTimeout);
  };
  const lose = () => {
    close();
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
  const hear = (from: EventSource, kind: string, act: (data: string) => void) =>
    from.addEventListener(kind, ({ data, lastEventId }: MessageEvent<string>) => {
      if (from !== stream) return;
      after = lastEventId || after;
      act(data);
    });
  const open = () => {
    coming?.close();
    // What a server or a proxy does not take with that much it may take without.
    const opened = new EventSource(addressOf(failures > 2 ? [] : watched.keys(), after));
    coming = opened;
    opened.onopen = () => {
      stream?.close();
      stream = opened;
      coming = undefined;
      told.clear();
      heard();
    };
    opened.onerror = () => {
      if (opened !== coming || !stream) return lose();
      opened.close(); // the one before goes on; of what it does not have pages ask again and again
      coming = undefined;
      clearTimeout(change);
      change = setTimeout(open, longest);
    };
    hear(opened, "overview", (data) => {
      heard();
      show(client, { target: overview, status: 200, body: JSON.parse(data) as unknown }, askAgain);
    });
    hear(opened, "answer", (data) => show(client, JSON.parse(data) as Answer, askAgain));
    hear(opened, "unchanged", (data) => {
      const { targets } = JSON.parse(data) as { targets: string[] };
      targets.forEach((target) => keep(client, target));
    });
    for (const kind of Object.keys(touched)) hear(opened, kind, () => happened(kind));
    hear(opened, "missed", () => Object.keys(touched).forEach(happened));
  };
  open();
  onWatched = () => {
    clearTimeout(change);
    if (stream || coming) change = setTimeout(open, settled);
  };
  return () => {
    isStopped = true;
    onWatched = undefined;
    stop();
    close();
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
