// A task is deleted once somebody has read what goes with it.
import { useNavigate } from "react-router-dom";
import { api, type Entity } from "../../api/client";
import type { Task } from "../../api/task";
import { useAction, useConfirm } from "../../components/action";
import { number } from "../../components/format";
import { useNames } from "../../components/names";
import { useLanguage, useWords } from "../../words/language";
import { madeWith, type Made } from "./account_of";
import { isInbound } from "./document";
import { own } from "./words";

function MadeWith({ user, policies, others }: Made) {
  const word = useWords(own);
  const named = useNames();
  if (!user) return <p>{word.accountUnknown}</p>;
  if (others.length > 0) return <p>{word.accountStays(user, named(others))}</p>;
  return <p>{policies === "0" ? word.accountGoesAlone(user) : word.accountGoes(user, policies)}</p>;
}

export function useDeletion(task: Task) {
  const word = useWords(own);
  const language = useLanguage();
  const act = useAction();
  const confirm = useConfirm();
  const navigate = useNavigate();
  const { name } = task;
  return async () => {
    const looked = await act(async () => ({ made: await madeWith(task) }));
    if (!looked) return;
    const tell = isInbound(task as unknown as Entity) ? word.deleteInbound : word.deleteText;
    const content = (
      <>
        <p>{tell(number(task.lag_messages, language), number(task.dead_letters, language))}</p>
        {looked.made && <MadeWith {...looked.made} />}
      </>
    );
    if (!(await confirm({ title: word.deleteTitle(name), content }))) return;
    const done = await act(async () => {
      await api.delete("/tasks/{name}", { parts: { name } });
      return true;
    }, word.deleted(name));
    if (done) navigate("/tasks");
  };
}
