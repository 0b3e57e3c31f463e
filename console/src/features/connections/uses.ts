// Which tasks a connection carries, and what waits for them.
import { useQuery } from "@tanstack/react-query";
import type { Connection } from "../../api/connectors";
import { counted } from "../../api/counted";
import type { Task } from "../../api/task";

export interface Uses {
  names: string[];
  waiting: number;
  isCut: boolean; // there may be more tasks of it
}

// A task's source, its sink, and where its dead letters go besides.
function connectionsOf({ source, sink, delivery }: Task) {
  return [source.connection, sink.connection, delivery?.dead_letter_copy?.connection];
}

export async function usesOf({ id, name }: Connection): Promise<Uses> {
  const found = await counted<Task>("/tasks", {}, (task) =>
    connectionsOf(task).some((used) => used === id || used === name),
  );
  return {
    names: found.items.map((task) => task.name),
    waiting: found.items.reduce((sum, task) => sum + (task.lag_messages ?? 0), 0),
    isCut: found.isCut,
  };
}

export function useUses(connection: Connection) {
  return useQuery({
    queryKey: ["uses of a connection", connection.id], // not with each event of a task: it may be very many pages
    queryFn: () => usesOf(connection),
    enabled: connection.tasks > 0,
  }).data;
}
