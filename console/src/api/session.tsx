// Who is logged in. The token itself is in a cookie that scripts cannot read.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, useContext, useEffect, type ReactNode } from "react";
import { api, ApiError, whenSessionEnds } from "./client";

export type Role = "viewer" | "operator" | "administrator";
export interface Session {
  user: string;
  role: Role;
  has_first_password?: boolean; // the one that the first start made and printed
  isOver?: boolean; // the server does not know it any more: it started anew, or 12 hours have passed
}

const roles: Role[] = ["viewer", "operator", "administrator"];
const Current = createContext<Session | null>(null);
const key = ["session"];

async function show(): Promise<Session | null> {
  try {
    return await api.get<Session>("/session");
  } catch (error) {
    if (error instanceof ApiError && error.problem.status === 401) return null;
    throw error;
  }
}

export function useSessionQuery() {
  const client = useQueryClient();
  // What is on the page stays, for whoever logs in again.
  const end = (known?: Session | null) => (known ? { ...known, isOver: true } : null);
  useEffect(() => whenSessionEnds(() => client.setQueryData<Session | null>(key, end)), [client]);
  return useQuery({ queryKey: key, queryFn: show, staleTime: Infinity });
}

export function useLogin() {
  const client = useQueryClient();
  return {
    logIn: async (user: string, password: string) => {
      await api.post("/session", { body: { user, password } });
      await client.invalidateQueries();
    },
    logOut: async () => {
      await api.delete("/session");
      client.setQueryData(key, null);
      client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== key[0] });
    },
  };
}

// The login goes on; others of the same account end.
export async function changeOwnPassword(old: string, chosen: string | null) {
  await api.post("/session:password", { body: { password: old, new_password: chosen } });
}

export function SessionProvider({ session, children }: { session: Session; children: ReactNode }) {
  return <Current.Provider value={session}>{children}</Current.Provider>;
}

// Nothing is asked while nobody is logged in.
export function useIsOver() {
  return useContext(Current)?.isOver ?? false;
}

export function useSession() {
  const session = useContext(Current);
  if (!session) throw new Error("no session here");
  return session;
}

// Whether the server would let this account do it: what it would refuse is not offered.
export function useMay(role: Role) {
  return roles.indexOf(useSession().role) >= roles.indexOf(role);
}
