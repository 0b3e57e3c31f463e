// Which tasks a connection carries, and what waits for them.
import { useQuery } from "@tanstack/react-query";
import type { Connection } from "../../api/connectors";
import { counted } from "../../api/counted";
import type { Task } from "../../api/task";

export interface Uses {
  names: string[];
  waiting: number;
}

export async function usesOf({ id, name }: Connection): Promise<Uses> {
  const found = await counted<Task>("/tasks", {}, ({ source, sink }) =>
    [source.connection, sink.connection].some((used) => used === id || used === name),
  );
  return {
    names: found.items.map((task) => task.name),
    waiting: found.items.reduce((sum, task) => sum + (task.lag_messages ?? 0), 0),
  };
}

export function useUses(connection: Connection) {
  return useQuery({
    queryKey: ["/tasks", "of", connection.id],
    queryFn: () => usesOf(connection),
    enabled: connection.tasks > 0,
  }).data;
}
