// What a change of a policy takes away at once, before it is made: in numbers, as the server foretells it.
import { api, ApiError } from "../../api/client";
import { number } from "../../components/format";
import { useLanguage, useWords } from "../../words/language";
import { own } from "./words";

export interface Loss {
  clients_disconnected: number;
  subscriptions_dropped: number;
  clients: string[]; // the first of them
  tasks: string[]; // whose account would lack a right
}

interface Change {
  name?: string; // of one that is there
  policy?: object; // what changes in it; a new one; left out: it is deleted
}

export const lossOf = (change: Change) => api.post<Loss>("/policies:preview", { body: change });

// Nothing where it is refused: who saves learns why, at the field.
export async function lossOfSaving(change: Change): Promise<Loss | undefined> {
  try {
    return await lossOf(change);
  } catch (error) {
    if (error instanceof ApiError && [404, 409, 422].includes(error.problem.status)) return undefined;
    throw error;
  }
}

export const takesSomething = (loss: Loss) =>
  loss.clients_disconnected + loss.subscriptions_dropped + loss.tasks.length > 0;

export function Lost({ loss }: { loss: Loss }) {
  const word = useWords(own);
  const language = useLanguage();
  if (!takesSomething(loss)) return <p>{word.losesNothing}</p>;
  return (
    <>
      <p>{word.loses(number(loss.clients_disconnected, language), number(loss.subscriptions_dropped, language))}</p>
      {loss.clients.length > 0 && <p>{word.losers(loss.clients.join(", "))}</p>}
      {loss.tasks.length > 0 && <p>{word.heldUp(loss.tasks.join(", "))}</p>}
    </>
  );
}
