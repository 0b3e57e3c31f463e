import { Button, Space } from "antd";
import { useState } from "react";
import { api, type Query } from "../../api/client";
import type { Task } from "../../api/task";
import { useMay } from "../../api/session";
import { useAction, useConfirm } from "../../components/action";
import { Code, pretty } from "../../components/code";
import { time } from "../../components/format";
import { List } from "../../components/list";
import { TimeRange } from "../../components/time_range";
import { common } from "../../words/common";
import { useLanguage, useWords } from "../../words/language";
import { valueWord } from "../../words/values";
import { AllLetters, useRedrive } from "./all_letters";
import { own } from "./words";

interface Letter {
  message_id: string;
  rejected_at: string;
  class: string;
  reason: string;
  attempts: number;
  topic: string;
  client_id: string;
  payload_bytes: number;
  payload: string; // base 64
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
  const mayAct = useMay("operator");
  const redrive = useRedrive(task);
  const [range, setRange] = useState<Query>({});
  const parts = { name: task.name };
  const remove = async (id: string) => {
    if (await confirm({ title: word.deleteLetterTitle, content: word.deleteLetterText }))
      await act(
        () => api.delete("/tasks/{name}/dead-letters/{id}", { parts: { ...parts, id } }),
        word.lettersDeleted,
      );
  };
  return (
    <>
      <div className="filters">
        <TimeRange labels={[word.rejectedFrom, word.rejectedTo]} onChange={setRange} />
      </div>
      <List<Letter>
        path="/tasks/{name}/dead-letters"
        parts={parts}
        query={range}
        isLive
        isAddressed
        rowKey="message_id"
        filters={[
          { name: "class", label: word.letterClass, options: ["unmapped", "refused", "denied", "given_up"] },
          { name: "reason_contains", label: word.reasonPart, isWhole: false },
          { name: "filter", label: word.topicFilter, isWhole: false },
          { name: "client_id", label: word.clientId },
        ]}
        empty={<p>{word.noLetters}</p>}
        actions={(asked) => <AllLetters task={task} asked={asked} />}
        expanded={({ payload }) => <Code>{payloadText(payload)}</Code>}
        columns={[
          { title: word.rejectedAt, render: (_, { rejected_at }) => time(rejected_at, language) },
          { title: word.recordTopic, dataIndex: "topic" },
          { title: word.clientId, dataIndex: "client_id" },
          {
            title: word.reason,
            render: (_, { class: kind, reason }) => (
              <>
                <div className="quiet">{valueWord(kind, language)}</div>
                <div className="reason long">{reason}</div>
              </>
            ),
          },
          { title: word.attempts, dataIndex: "attempts", align: "right" },
          {
            key: "actions",
            align: "right",
            render: (_, { message_id: id }) => (
              <Space>
                <Button size="small" disabled={!mayAct} onClick={() => redrive({ message_ids: [id] })}>
                  {word.redrive}
                </Button>
                <Button size="small" danger disabled={!mayAct} onClick={() => remove(id)}>
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
