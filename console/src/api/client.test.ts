import { afterEach, expect, test, vi } from "vitest";
import { api, ApiError, urlOf, whenSessionEnds } from "./client";

afterEach(() => vi.unstubAllGlobals());

function answerWith(status: number, body: unknown) {
  const fetched = vi.fn(async (_url: string, _options: RequestInit) => new Response(JSON.stringify(body), { status }));
  vi.stubGlobal("fetch", fetched);
  return fetched;
}

test("an address is relative, and its parts are encoded, so that none begins a verb", () => {
  expect(urlOf("/tasks/{name}:pause", { parts: { name: "a/b:c" } })).toBe("api/v1/tasks/a%2Fb%3Ac:pause");
  expect(urlOf("/clients", { query: { limit: 50, status: "", username: undefined } })).toBe(
    "api/v1/clients?limit=50",
  );
});

test("a refusal keeps what the server says", async () => {
  const problem = { status: 422, code: "invalid_document", detail: "no", hint: "do", fields: [] };
  answerWith(422, problem);
  const refused = await api.post("/tasks", { body: {} }).catch((error: unknown) => error);
  expect((refused as ApiError).problem).toEqual(problem);
});

test("the end of a login is told, once it is refused elsewhere than at the login", async () => {
  const ended = vi.fn();
  whenSessionEnds(ended);
  answerWith(401, { status: 401, code: "session_ended", detail: "the token is not valid" });
  await api.get("/session").catch(() => undefined);
  expect(ended).not.toHaveBeenCalled();
  await api.get("/tasks").catch(() => undefined);
  expect(ended).toHaveBeenCalledOnce();
});

test("a wrong password, where one is asked for, ends no login", async () => {
  const ended = vi.fn();
  whenSessionEnds(ended);
  answerWith(401, { status: 401, code: "wrong_credentials", detail: "user or password is wrong" });
  await api.post("/session:password").catch(() => undefined);
  expect(ended).not.toHaveBeenCalled();
});

test("a server that does not answer is a problem like others", async () => {
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("refused")));
  const refused = await api.get("/tasks").catch((error: unknown) => error);
  expect((refused as ApiError).problem.code).toBe("unreachable");
});

test("what a proxy says of a server that is away is no word of the server", async () => {
  vi.stubGlobal("fetch", async () => new Response("<html>", { status: 502, headers: { "Content-Type": "text/html" } }));
  const refused = await api.patch("/tasks/{name}", { body: {} }).catch((error: unknown) => error);
  expect((refused as ApiError).problem).toMatchObject({ code: "unreachable", isChange: true });
});
