// What a change of a policy takes away at once, before it is made: in numbers, as the server foretells it.
import { api, ApiError } from "../../api/client";
import { number } from "../../components/format";
import { useNames } from "../../components/names";
import { useLanguage, useWords } from "../../words/language";
import { own } from "./words";

export interface Loss {
  clients_disconnected: number;
  subscriptions_dropped: number;
  clients: string[]; // the first of them
  tasks: string[]; // whose account would lack a right
}

interface Rule {
  effect: string;
  operations: string[];
}

interface Change {
  name?: string; // of one that is there
  policy?: object; // what changes in it; a new one; left out: it is deleted
}

const statusOf = (error: unknown) => (error instanceof ApiError ? error.problem.status : undefined);

// "unknown": the server has so many sessions that it did not come to them all in time.
export async function lossOf(change: Change): Promise<Loss | "unknown"> {
  try {
    return await api.post<Loss>("/policies:preview", { body: change });
  } catch (error) {
    if (statusOf(error) === 503) return "unknown";
    throw error;
  }
}

// Nothing where it is refused: who saves learns why, at the field.
export async function lossOfSaving(change: Change) {
  try {
    return await lossOf(change);
  } catch (error) {
    if ([404, 409, 422].includes(statusOf(error) ?? 0)) return undefined;
    throw error;
  }
}

export const takesSomething = (loss: Loss | "unknown") =>
  loss === "unknown" || loss.clients_disconnected + loss.subscriptions_dropped + loss.tasks.length > 0;

// What nobody can count: publishes and deliveries that it refuses from now on. `patch`: of one that is there.
export function isFeltLater({ effect, operations = [] }: Partial<Rule>, patch?: object) {
  const isDeny = effect === "deny";
  if (!patch) return isDeny;
  const changed = Object.keys(patch).filter((name) => name !== "name" && name !== "description");
  const isOfPublishing = operations.includes("publish") || operations.includes("all") || "operations" in patch;
  return changed.length > 0 && (isDeny || isOfPublishing || "effect" in patch);
}

export function Lost({ loss }: { loss: Loss | "unknown" }) {
  const word = useWords(own);
  const language = useLanguage();
  const named = useNames();
  if (loss === "unknown") return <p>{word.lossUnknown}</p>;
  if (!takesSomething(loss))
    return (
      <>
        <p>{word.losesNothing}</p>
        <p className="quiet">{word.notCounted}</p>
      </>
    );
  return (
    <>
      <p>{word.loses(number(loss.clients_disconnected, language), number(loss.subscriptions_dropped, language))}</p>
      {loss.clients.length > 0 && <p>{word.losers(named(loss.clients))}</p>}
      {loss.tasks.length > 0 && <p>{word.heldUp(named(loss.tasks))}</p>}
      <p className="quiet">{word.notCounted}</p>
    </>
  );
}
