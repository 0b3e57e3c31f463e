// What the deletion of a user concerns: sessions, policies that name it, and tasks that run as it.
import { counted } from "../../api/counted";
import type { Task } from "../../api/task";

interface Session {
  status: string;
  lag_messages: number;
}

interface Named {
  name: string;
  users: string[];
}

// A name as policies write it: exact, or a beginning where it ends in `*`.
export function isNamedBy(pattern: string, user: string) {
  return pattern.endsWith("*") ? user.startsWith(pattern.slice(0, -1)) : user === pattern;
}

export async function concernedBy(user: string) {
  const [sessions, policies, tasks] = await Promise.all([
    counted<Session>("/clients", { username: user }),
    counted<Named>("/policies", {}, ({ users }) => users.some((pattern) => isNamedBy(pattern, user))),
    counted<Task>("/tasks", {}, ({ account }) => account === user),
  ]);
  return {
    sessions,
    connected: sessions.items.filter(({ status }) => status === "connected").length,
    waiting: sessions.items.reduce((sum, { lag_messages: lag }) => sum + (lag ?? 0), 0),
    policies,
    tasks,
  };
}
