// A copy of a task, another place for it, and a part of the log once more: what is asked before.
import { useQuery } from "@tanstack/react-query";
import { DatePicker, Form, Input, Radio, Space } from "antd";
import type { Dayjs } from "dayjs";
import { useState } from "react";
import { useNavigate } from "react-router-dom";
import { api, type Entity, type FieldProblem } from "../../api/client";
import type { Task } from "../../api/task";
import { useAction } from "../../components/action";
import { countOf, number } from "../../components/format";
import { Question } from "../../components/question";
import { covers, wrongAt } from "../../components/schema_form/wrong";
import { common } from "../../words/common";
import { useLanguage, useWords } from "../../words/language";
import { pathOf } from "./actions";
import { isInbound } from "./document";
import { own } from "./words";

interface SeekEffect {
  again: number;
  again_at_least: boolean;
  passed_over: number;
  passed_over_at_least: boolean;
}

function useCounted() {
  const language = useLanguage();
  return (count: number, atLeast: boolean) => countOf(count, atLeast, language);
}

/** In messages, as the server counts them; of what only the other side can count nothing is said. */
function Effect({ task, start }: { task: Task; start: string }) {
  const word = useWords(own);
  const counted = useCounted();
  const { data, isFetching } = useQuery({
    queryKey: ["seek-preview", task.name, start],
    queryFn: () => api.get<SeekEffect>("/tasks/{name}/seek-preview", { parts: { name: task.name }, query: { start } }),
    enabled: start !== "time" && !isInbound(task as unknown as Entity),
    retry: false,
    staleTime: 0,
  });
  if (isFetching) return <p className="quiet">{word.counting}</p>;
  if (!data) return null;
  return (
    <p role="status">
      {data.again > 0 && word.seekAgain(counted(data.again, data.again_at_least))}
      {data.passed_over > 0 && word.seekPassed(counted(data.passed_over, data.passed_over_at_least))}
      {data.again + data.passed_over === 0 && word.seekNothing}
    </p>
  );
}

interface Props {
  task: Task;
  onClose: () => void;
}

function Copy({ task, onClose }: Props) {
  const word = useWords(own);
  const all = useWords(common);
  const act = useAction();
  const navigate = useNavigate();
  const [name, setName] = useState(`${task.name}-2`);
  const send = async () => {
    const made = await api.post<Task>("/tasks/{name}:copy", { parts: { name: task.name }, body: { name } });
    await act(async () => undefined, word.copied(made.name));
    navigate(pathOf(made.name));
  };
  return (
    <Question title={word.copyTitle(task.name)} ok={all.create} pointers={["/name"]} send={send} onClose={onClose}>
      {(problems) => (
        <>
          <p>{word.copyHelp}</p>
          <Form.Item layout="vertical" label={word.newName} htmlFor="copy-name" {...wrongAt(problems, "/name")}>
            <Input id="copy-name" maxLength={64} value={name} onChange={(event) => setName(event.target.value)} />
          </Form.Item>
        </>
      )}
    </Question>
  );
}

function Seek({ task, onClose }: Props) {
  const word = useWords(own);
  const language = useLanguage();
  const act = useAction();
  const [chosen, setChosen] = useState("earliest");
  const [time, setTime] = useState<string>();
  const isReady = chosen !== "time" || time !== undefined;
  const send = async () => {
    const start = chosen === "time" ? { time } : chosen;
    await api.post("/tasks/{name}:seek", { parts: { name: task.name }, body: { start } });
    await act(async () => undefined, word.seekDone);
  };
  const pick = (picked: Dayjs | null) => {
    setTime(picked?.toISOString());
    if (picked) setChosen("time");
  };
  return (
    <Question title={word.seekTitle(task.name)} pointers={["/start"]} isReady={isReady} send={send} onClose={onClose}>
      {(problems) => (
        <>
          <p>{word.seekText(number(task.delivered, language), number(task.lag_messages, language))}</p>
          <Form.Item {...wrongAt(problems, "/start")}>
            <Space direction="vertical">
              <Radio.Group value={chosen} onChange={(event) => setChosen(event.target.value)}>
                <Space direction="vertical">
                  <Radio value="earliest">{word.seekEarliest}</Radio>
                  <Radio value="now">{word.seekNow}</Radio>
                  <Radio value="time">{word.seekTime}</Radio>
                </Space>
              </Radio.Group>
              <DatePicker showTime aria-label={word.seekTime} onChange={pick} />
            </Space>
          </Form.Item>
          <Effect task={task} start={chosen === "time" ? (time ?? "time") : chosen} />
        </>
      )}
    </Question>
  );
}

function RangeCount({ task, from, to }: { task: Task; from: string; to: string }) {
  const word = useWords(own);
  const counted = useCounted();
  const { data, isFetching } = useQuery({
    queryKey: ["replay-preview", task.name, from, to],
    queryFn: () =>
      api.get<{ messages: number; at_least: boolean }>("/tasks/{name}/replay-preview", {
        parts: { name: task.name },
        query: { from, to },
      }),
    retry: false,
    staleTime: 0,
  });
  if (isFetching) return <p className="quiet">{word.counting}</p>;
  return data ? <p role="status">{word.replayCount(counted(data.messages, data.at_least))}</p> : null;
}

const placeOf = (time: string | undefined, other: string) => (time ? { time } : other);

// Both ends stand in one field.
function ofRange(problems: FieldProblem[]) {
  const own = problems.filter(({ pointer }) => ["/from", "/to"].some((end) => covers(end, pointer)));
  return wrongAt(own.map((problem) => ({ ...problem, pointer: "/range" })), "/range");
}

function Replay({ task, onClose }: Props) {
  const word = useWords(own);
  const act = useAction();
  const navigate = useNavigate();
  const [topic, setTopic] = useState(`${task.map.topic}-replay`);
  const [{ from, to }, setEnds] = useState<{ from?: string; to?: string }>({});
  const send = async () => {
    const body = { from: placeOf(from, "earliest"), to: placeOf(to, "now"), topic };
    const made = await api.post<Task>("/tasks/{name}:replay", { parts: { name: task.name }, body });
    await act(async () => undefined, word.replayDone);
    navigate(pathOf(made.name));
  };
  return (
    <Question title={word.replayTitle} pointers={["/topic", "/from", "/to"]} send={send} onClose={onClose}>
      {(problems) => (
        <>
          <p>{word.replayText(task.name)}</p>
          <Form.Item layout="vertical" label={word.replayTopic} htmlFor="replay-topic" {...wrongAt(problems, "/topic")}>
            <Input id="replay-topic" value={topic} onChange={(event) => setTopic(event.target.value)} />
          </Form.Item>
          <Form.Item layout="vertical" label={word.replayRange} htmlFor="replay-range" {...ofRange(problems)}>
            <DatePicker.RangePicker
              id={{ start: "replay-range" }}
              showTime
              allowEmpty={[true, true]}
              onChange={(times) => setEnds({ from: times?.[0]?.toISOString(), to: times?.[1]?.toISOString() })}
            />
          </Form.Item>
          <RangeCount task={task} from={from ?? "earliest"} to={to ?? "now"} />
        </>
      )}
    </Question>
  );
}

const dialogs = { copy: Copy, seek: Seek, replay: Replay };
export type Kind = keyof typeof dialogs;
export type Ask = (kind: Kind, task: Task) => void;

// One for a page: a row of a list may go while it is open.
export function useTaskDialogs() {
  const [asked, setAsked] = useState<{ kind: Kind; task: Task }>();
  const ask: Ask = (kind, task) => setAsked({ kind, task });
  const Dialog = asked && dialogs[asked.kind];
  return { ask, dialog: Dialog && <Dialog task={asked.task} onClose={() => setAsked(undefined)} /> };
}
