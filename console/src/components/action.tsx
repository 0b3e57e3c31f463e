// Doing something: what came of it is told, and what is shown is asked for again.
import { useQueryClient } from "@tanstack/react-query";
import { App } from "antd";
import { useCallback, type ReactNode } from "react";
import { unreachable } from "../api/client";
import { common } from "../words/common";
import { useWords } from "../words/language";
import { problemOf, useMeaning } from "./problem";

export function useAction() {
  const client = useQueryClient();
  const word = useWords(common);
  const meaningOf = useMeaning();
  const { message, notification } = App.useApp();
  return useCallback(
    async <T,>(work: () => Promise<T>, done?: string): Promise<T | undefined> => {
      try {
        const result = await work();
        if (done) void message.success(done);
        return result;
      } catch (error) {
        const problem = problemOf(error)!;
        const fields = (problem.fields ?? []).map(({ pointer, detail }) => `${pointer} ${detail}`);
        const more = [problem.hint, ...fields].filter(Boolean).join("; ");
        const meaning = meaningOf(problem.code);
        const description = meaning ? <><div>{problem.detail}</div>{more}</> : more;
        if (problem.code !== unreachable) notification.error({ message: meaning ?? problem.detail, description, duration: 10 });
        else notification.error({ message: word.unreachable, description: word.unreachableChange, duration: 10 });
        return undefined;
      } finally {
        void client.invalidateQueries();
      }
    },
    [client, message, notification, word, meaningOf],
  );
}

interface Question {
  title: string;
  content: ReactNode; // what will happen, in numbers
  ok?: string;
}

// Nothing is deleted before somebody has read what goes with it.
export function useConfirm() {
  const { modal } = App.useApp();
  const word = useWords(common);
  return useCallback(
    ({ title, content, ok }: Question) =>
      new Promise<boolean>((resolve) => {
        modal.confirm({
          title,
          content,
          okText: ok ?? word.remove,
          okButtonProps: { danger: true },
          cancelText: word.cancel,
          autoFocusButton: "cancel",
          onOk: () => resolve(true),
          onCancel: () => resolve(false),
        });
      }),
    [modal, word],
  );
}
