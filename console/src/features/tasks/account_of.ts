// The user that was made together with a task: it goes with the task, and so do its policies, unless
// another task runs as it.
import { counted } from "../../api/counted";
import type { Task } from "../../api/task";

export interface Made {
  user?: string; // absent: the task runs as another one by now
  policies: string; // how many
  others: string[]; // tasks that run as it as well: for them it stays
}

interface Created {
  name: string;
  created: string;
}

const together = 10_000; // ms between the user and its task, at most

// User and policies are made in one step, and have its time.
async function policiesOf({ name, created }: Created) {
  const found = await counted<Created & { users: string[] }>(
    "/policies",
    {},
    (policy) => policy.users.length === 1 && policy.users[0] === name && policy.created === created,
  );
  return found.text;
}

export async function madeWith(task: Task): Promise<Made | undefined> {
  if (!task.account_made) return undefined;
  const unknown = { policies: "", others: [] };
  const name = task.account;
  if (!name) return unknown;
  const found = await counted<Created>("/users", { name });
  const user = found.items.find((one) => Math.abs(Date.parse(one.created) - Date.parse(task.created)) < together);
  if (!user) return unknown;
  const [policies, others] = await Promise.all([
    policiesOf(user),
    counted<Task>("/tasks", {}, ({ id, account }) => id !== task.id && account === name),
  ]);
  if (others.isCut && others.items.length === 0) return unknown; // one of those that nobody looked at may
  return { user: name, policies, others: others.items.map((other) => other.name) };
}
