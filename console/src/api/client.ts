// Requests to the server that served this page. Paths are those of the API's description alone.
import { setAway } from "./reach";
import type { paths } from "./schema";

type PathOf<P> = P extends `/api/v1${infer Rest}` ? Rest : never;
export type Path = PathOf<keyof paths>;

export interface FieldProblem {
  pointer: string;
  detail: string;
  code?: string; // these two of the whole problem, where it is shown at the field
  hint?: string;
}

// RFC 9457, as the server sends it.
export interface Problem {
  status: number;
  code: string;
  detail: string;
  hint?: string;
  fields?: FieldProblem[];
  isChange?: boolean; // unreachable: it is not known whether the change was made
}

export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
}

export const unreachable = "unreachable"; // code of a problem that no server sent
export const changedMeanwhile = "changed_meanwhile"; // by somebody else: If-Match did not
export const sessionLeftBehind = "session_left_behind"; // `force` of the query does it
const wrongPassword = "wrong_credentials"; // where one is asked for: the login goes on

export type Entity = Record<string, unknown>;
export type Query = Record<string, string | number | boolean | undefined>;

export interface Call {
  parts?: Record<string, string>; // of the path: {name}
  query?: Query;
  body?: unknown;
  ifMatch?: string;
}

// What is asked for, in the API: path and query.
export function targetOf(path: Path, { parts = {}, query = {} }: Call = {}) {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(parts[name] ?? ""));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && value !== "") search.set(name, String(value));
  const text = search.toString();
  return filled + (text && `?${text}`);
}

// Where the API is: beside the page, under whatever prefix a proxy puts both.
export const urlOf = (path: Path, call?: Call) => `api/v1${targetOf(path, call)}`;

const longest = 30_000; // ms that an answer to a question may take; changes may wait for others
const gateways = [502, 503, 504]; // of a proxy, when its page is no problem document

async function ask(url: string, options: RequestInit): Promise<Response> {
  const isChange = options.method !== undefined && options.method !== "GET";
  try {
    const response = await fetch(url, isChange ? options : { ...options, signal: AbortSignal.timeout(longest) });
    const isJson = response.headers.get("Content-Type")?.includes("json");
    if (gateways.includes(response.status) && !isJson) throw new Error(response.statusText);
    setAway(false);
    return response;
  } catch {
    setAway(true);
    throw new ApiError({ status: 0, code: unreachable, detail: "the server does not answer", isChange });
  }
}

async function problemOf(response: Response): Promise<Problem> {
  try {
    return (await response.json()) as Problem;
  } catch {
    return { status: response.status, code: "unreadable", detail: response.statusText };
  }
}

// Of what was answered: sent back as If-Match, it keeps a change from undoing another one's.
const tags = new WeakMap<object, string>();
export function tagOf(entity: object | undefined) {
  return entity && tags.get(entity);
}

let onSessionEnd: (() => void) | undefined;
export function whenSessionEnds(listener: () => void) {
  onSessionEnd = listener;
}

async function call<T>(method: string, path: Path, options: Call = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  if (options.ifMatch) headers["If-Match"] = options.ifMatch;
  const response = await ask(urlOf(path, options), {
    method,
    headers,
    credentials: "same-origin",
    body: options.body === undefined ? undefined : JSON.stringify(options.body),
  });
  if (!response.ok) {
    const problem = await problemOf(response);
    const isLogin = path === "/session" || problem.code === wrongPassword;
    if (response.status === 401 && !isLogin) onSessionEnd?.();
    throw new ApiError(problem);
  }
  if (response.status === 204) return undefined as T;
  const answered = (await response.json()) as T;
  const tag = response.headers.get("ETag");
  if (tag) tags.set(answered as object, tag);
  return answered;
}

export const api = {
  get: <T = Entity>(path: Path, options?: Call) => call<T>("GET", path, options),
  post: <T = Entity>(path: Path, options?: Call) => call<T>("POST", path, options),
  put: <T = Entity>(path: Path, options?: Call) => call<T>("PUT", path, options),
  patch: <T = Entity>(path: Path, options?: Call) => call<T>("PATCH", path, options),
  delete: <T = void>(path: Path, options?: Call) => call<T>("DELETE", path, options),
};

export interface Health {
  status: "ready" | "degraded" | "unready";
  reasons?: { component: string; code: string; detail: string }[];
  notices?: string[];
}

// Not under /api: it answers 503 with the same document when something is wrong.
export async function health(): Promise<Health> {
  return (await (await ask("health/ready", {})).json()) as Health;
}

export interface Page<T = Entity> {
  items: T[];
  next: string | null;
}
