// What can be done with a task, from the list and from its page.
import { useNavigate } from "react-router-dom";
import { api, type Entity } from "../../api/client";
import { useMay } from "../../api/session";
import type { Task } from "../../api/task";
import { useAction } from "../../components/action";
import { common } from "../../words/common";
import { useWords } from "../../words/language";
import { useDeletion } from "./deletion";
import type { Ask } from "./dialogs";
import { isInbound } from "./document";
import { own } from "./words";

export function pathOf(name: string) {
  return `/tasks/${encodeURIComponent(name)}`;
}

export function useTaskActions(task: Task, ask: Ask) {
  const word = useWords(own);
  const all = useWords(common);
  const act = useAction();
  const remove = useDeletion(task);
  const navigate = useNavigate();
  const mayAct = useMay("operator");
  const mayChange = useMay("administrator");
  const { name } = task;
  const parts = { name };
  const runs = task.enabled && task.status !== "failed";
  return {
    runs,
    mayAct,
    mayChange,
    start: () => act(() => api.post("/tasks/{name}:start", { parts }), word.started(name)),
    pause: () => act(() => api.post("/tasks/{name}:pause", { parts }), word.paused(name)),
    menu: [
      { key: "edit", label: all.edit, disabled: !mayChange, onClick: () => navigate(`${pathOf(name)}/edit`) },
      { key: "copy", label: all.copy, disabled: !mayChange, onClick: () => ask("copy", task) },
      { key: "seek", label: word.seek, disabled: !mayAct, onClick: () => ask("seek", task) },
      ...(isInbound(task as unknown as Entity)
        ? []
        : [{ key: "replay", label: word.replay, disabled: !mayChange, onClick: () => ask("replay", task) }]),
      { key: "delete", label: all.remove, danger: true, disabled: !mayChange, onClick: remove },
    ],
  };
}
