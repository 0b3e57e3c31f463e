// A change that would leave a source's session behind at another server: it is made once somebody has
// read what stays there.
import { useCallback } from "react";
import { sessionLeftBehind } from "../api/client";
import { useWords, words } from "../words/language";
import { useConfirm } from "./action";
import { problemOf } from "./problem";

const own = words(
  {
    title: "A session would stay behind",
    goOn: "Save all the same",
  },
  {
    title: "会话将被遗留在另一台服务器上",
    goOn: "仍然保存",
  },
);

// `change`: makes the same change each time, for `force` of its query. Who does not want it gets what
// the server refused.
export function useForce() {
  const word = useWords(own);
  const confirm = useConfirm();
  return useCallback(
    async <T,>(change: (isForced?: true) => Promise<T>): Promise<T> => {
      try {
        return await change();
      } catch (refused) {
        const problem = problemOf(refused);
        if (problem?.code !== sessionLeftBehind) throw refused;
        const content = [problem.detail, problem.hint].map((text) => text && <p key={text}>{text}</p>);
        if (!(await confirm({ title: word.title, content, ok: word.goOn }))) throw refused;
        return change(true);
      }
    },
    [confirm, word],
  );
}
