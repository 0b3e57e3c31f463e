import { Button, Space } from "antd";
import { api } from "../../api/client";
import type { Task } from "../../api/task";
import { useMay } from "../../api/session";
import { useAction, useConfirm } from "../../components/action";
import { Code, pretty } from "../../components/code";
import { number, time } from "../../components/format";
import { List } from "../../components/list";
import { common } from "../../words/common";
import { useLanguage, useWords } from "../../words/language";
import { own } from "./words";
import { App } from "antd";

interface Letter {
  message_id: string;
  rejected_at: string;
  reason: string;
  attempts: number;
  topic: string;
  client_id: string;
  payload_bytes: number;
  payload: string; // base 64
}

interface Redriven {
  redriven: number;
  refused: number;
  left: number;
  stopped: string | null;
}

export function payloadText(base64: string) {
  try {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    return pretty(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return base64;
  }
}

export function Letters({ task }: { task: Task }) {
  const word = useWords(own);
  const all = useWords(common);
  const language = useLanguage();
  const act = useAction();
  const confirm = useConfirm();
  const { notification } = App.useApp();
  const mayAct = useMay("operator");
  const parts = { name: task.name };
  const redrive = async (ids?: string[]) => {
    const body = ids ? { message_ids: ids } : { all: true };
    const report = await act(() =>
      api.post<Redriven>("/tasks/{name}/dead-letters:redrive", { parts, body }),
    );
    if (!report) return;
    notification[report.refused > 0 || report.stopped ? "warning" : "success"]({
      message: word.redriven(report.redriven, report.refused, report.left),
      description: report.stopped ?? undefined,
    });
  };
  const removeAll = async () => {
    const content = word.deleteLettersText(number(task.dead_letters, language));
    if (await confirm({ title: word.deleteLettersTitle, content }))
      await act(() => api.delete("/tasks/{name}/dead-letters", { parts }), word.lettersDeleted);
  };
  const removeOne = async (id: string) => {
    if (await confirm({ title: word.deleteLetterTitle, content: word.deleteLetterText }))
      await act(
        () => api.delete("/tasks/{name}/dead-letters/{id}", { parts: { ...parts, id } }),
        word.lettersDeleted,
      );
  };
  return (
    <>
      {task.dead_letters > 0 && (
        <>
          <p className="quiet">{word.redriveHelp}</p>
          <Space className="gap">
            <Button type="primary" disabled={!mayAct} onClick={() => redrive()}>
              {word.redriveAll(number(task.dead_letters, language))}
            </Button>
            <Button danger disabled={!mayAct} onClick={removeAll}>
              {word.deleteLetters(number(task.dead_letters, language))}
            </Button>
          </Space>
        </>
      )}
      <List<Letter>
        path="/tasks/{name}/dead-letters"
        parts={parts}
        isLive
        rowKey="message_id"
        empty={<p>{word.noLetters}</p>}
        expanded={({ payload }) => <Code>{payloadText(payload)}</Code>}
        columns={[
          { title: word.rejectedAt, render: (_, { rejected_at }) => time(rejected_at, language) },
          { title: word.recordTopic, dataIndex: "topic" },
          { title: word.reason, render: (_, { reason }) => <div className="reason long">{reason}</div> },
          { title: word.attempts, dataIndex: "attempts", align: "right" },
          {
            key: "actions",
            align: "right",
            render: (_, { message_id: id }) => (
              <Space>
                <Button size="small" disabled={!mayAct} onClick={() => redrive([id])}>
                  {word.redrive}
                </Button>
                <Button size="small" danger disabled={!mayAct} onClick={() => removeOne(id)}>
                  {all.remove}
                </Button>
              </Space>
            ),
          },
        ]}
      />
    </>
  );
}
