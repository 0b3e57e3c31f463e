// What is done with all dead letters of a task, or with those that its filters show.
import { App, Button, Space } from "antd";
import { api, type Query } from "../../api/client";
import { useMay } from "../../api/session";
import type { Task } from "../../api/task";
import { useAction, useConfirm } from "../../components/action";
import { countOf, number } from "../../components/format";
import { useLanguage, useWords } from "../../words/language";
import { own } from "./words";

export interface Redriven {
  redriven: number;
  refused: number;
  left: number;
  stopped: string | null;
}

interface Deleted {
  deleted: number;
  left: number;
  stopped: string | null;
}

interface Counted {
  letters: number;
  at_least: boolean;
  to: string; // what came then or later is not among them
}

const letters = "/tasks/{name}/dead-letters";

export function useRedrive(task: Task) {
  const word = useWords(own);
  const act = useAction();
  const { notification } = App.useApp();
  const parts = { name: task.name };
  return async (body: { all: true } | { message_ids: string[] }, query?: Query) => {
    const report = await act(() => api.post<Redriven>(`${letters}:redrive`, { parts, body, query }));
    if (!report) return;
    notification[report.refused > 0 || report.stopped ? "warning" : "success"]({
      message: word.redriven(report.redriven, report.refused, report.left),
      description: report.stopped ?? undefined,
    });
  };
}

// Of those that match, or of all: each begins with how many they are, and takes none that came since.
function useMatching(task: Task, asked: Query, isFiltered: boolean) {
  const word = useWords(own);
  const language = useLanguage();
  const act = useAction();
  const confirm = useConfirm();
  const redrive = useRedrive(task);
  const { message, notification } = App.useApp();
  const parts = { name: task.name };
  const ask = async (title: string, text: (count: string) => string, ok?: string) => {
    const counted = await act(() => api.get<Counted>(`${letters}-preview`, { parts, query: asked }));
    if (counted?.letters === 0 && !counted.at_least) void message.info(word.noneMatches);
    else if (counted) {
      const isPart = counted.at_least && !isFiltered; // how many they are in all is known
      const count = isPart ? Math.max(counted.letters, task.dead_letters) : counted.letters;
      const content = text(countOf(count, counted.at_least, language));
      if (await confirm({ title, content, ok })) return { ...asked, to: counted.to };
    }
    return undefined;
  };
  return {
    redrive: async () => {
      const query = await ask(word.redriveMatchingTitle, word.redriveMatchingText, word.redrive);
      if (query) await redrive({ all: true }, query);
    },
    remove: async () => {
      const query = isFiltered
        ? await ask(word.deleteMatchingTitle, word.deleteMatchingText)
        : await ask(word.deleteLettersTitle, word.deleteLettersText);
      const report = query && (await act(() => api.delete<Deleted>(letters, { parts, query })));
      if (!report) return;
      notification[report.stopped ? "warning" : "success"]({
        message: word.deletedMatching(number(report.deleted, language), number(report.left, language)),
        description: report.stopped ?? undefined,
      });
    },
  };
}

export function AllLetters({ task, asked }: { task: Task; asked: Query }) {
  const word = useWords(own);
  const language = useLanguage();
  const mayAct = useMay("operator");
  const redrive = useRedrive(task);
  const isFiltered = Object.values(asked).some(Boolean);
  const matching = useMatching(task, asked, isFiltered);
  if (task.dead_letters === 0) return null;
  const count = number(task.dead_letters, language);
  return (
    <>
      <p className="quiet">{word.redriveHelp}</p>
      <Space className="gap" wrap>
        <Button type="primary" disabled={!mayAct} onClick={isFiltered ? matching.redrive : () => redrive({ all: true })}>
          {isFiltered ? word.redriveMatching : word.redriveAll(count)}
        </Button>
        <Button danger disabled={!mayAct} onClick={matching.remove}>
          {isFiltered ? word.deleteMatching : word.deleteLetters(count)}
        </Button>
      </Space>
    </>
  );
}
