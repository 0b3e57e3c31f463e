// What can be done with a task, from the list and from its page.
import { useQuery } from "@tanstack/react-query";
import { App, DatePicker, Input, Radio, Space } from "antd";
import type { Dayjs } from "dayjs";
import { useRef, useState } from "react";
import { useNavigate } from "react-router-dom";
import { api, type Entity } from "../../api/client";
import { useMay } from "../../api/session";
import type { Task } from "../../api/task";
import { useAction } from "../../components/action";
import { number } from "../../components/format";
import { common } from "../../words/common";
import { useLanguage, useWords } from "../../words/language";
import { useDeletion } from "./deletion";
import { isInbound } from "./document";
import { own } from "./words";

export function pathOf(name: string) {
  return `/tasks/${encodeURIComponent(name)}`;
}

interface SeekEffect {
  again: number;
  again_at_least: boolean;
  passed_over: number;
  passed_over_at_least: boolean;
}

function useCounted() {
  const language = useLanguage();
  return (count: number, atLeast: boolean) => `${atLeast ? "≥ " : ""}${number(count, language)}`;
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

function Seek({ task, onChange }: { task: Task; onChange: (start: unknown) => void }) {
  const word = useWords(own);
  const language = useLanguage();
  const [chosen, setChosen] = useState("earliest");
  const [time, setTime] = useState<string>();
  const choose = (place: string, at: string | undefined) => {
    setChosen(place);
    setTime(at);
    onChange(place !== "time" ? place : at ? { time: at } : "time");
  };
  return (
    <Space direction="vertical">
      <p>{word.seekText(number(task.delivered, language), number(task.lag_messages, language))}</p>
      <Radio.Group value={chosen} onChange={(event) => choose(event.target.value, time)}>
        <Space direction="vertical">
          <Radio value="earliest">{word.seekEarliest}</Radio>
          <Radio value="now">{word.seekNow}</Radio>
          <Radio value="time">{word.seekTime}</Radio>
        </Space>
      </Radio.Group>
      <DatePicker
        showTime
        aria-label={word.seekTime}
        onChange={(picked: Dayjs | null) => choose(picked ? "time" : chosen, picked?.toISOString())}
      />
      <Effect task={task} start={chosen === "time" ? (time ?? "time") : chosen} />
    </Space>
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

interface Range {
  from: unknown;
  to: unknown;
  topic: string;
}

function Replay({ task, range }: { task: Task; range: Range }) {
  const word = useWords(own);
  const [ends, setEnds] = useState({ from: "earliest", to: "now" });
  return (
    <Space direction="vertical">
      <p>{word.replayText(task.name)}</p>
      <label htmlFor="replay-topic">{word.replayTopic}</label>
      <Input id="replay-topic" defaultValue={range.topic} onChange={(event) => (range.topic = event.target.value)} />
      <label htmlFor="replay-range">{word.replayRange}</label>
      <DatePicker.RangePicker
        id={{ start: "replay-range" }}
        showTime
        allowEmpty={[true, true]}
        onChange={(times) => {
          const [from, to] = [times?.[0]?.toISOString(), times?.[1]?.toISOString()];
          range.from = from ? { time: from } : "earliest";
          range.to = to ? { time: to } : "now";
          setEnds({ from: from ?? "earliest", to: to ?? "now" });
        }}
      />
      <RangeCount task={task} {...ends} />
    </Space>
  );
}

// Asked in a dialogue; what was answered is read when it is closed.
function useQuestions() {
  const word = useWords(own);
  const all = useWords(common);
  const { modal } = App.useApp();
  const answer = useRef<unknown>();
  const copyName = (name: string) =>
    new Promise<string | undefined>((resolve) => {
      answer.current = `${name}-2`;
      modal.confirm({
        title: word.copyTitle(name),
        icon: null,
        okText: all.create,
        content: (
          <>
            <p>{word.copyHelp}</p>
            <Input
              aria-label={word.newName}
              defaultValue={`${name}-2`}
              onChange={(event) => (answer.current = event.target.value)}
            />
          </>
        ),
        onOk: () => resolve(String(answer.current)),
        onCancel: () => resolve(undefined),
      });
    });
  const place = (task: Task) =>
    new Promise<unknown>((resolve) => {
      answer.current = "earliest";
      modal.confirm({
        title: word.seekTitle(task.name),
        icon: null,
        content: <Seek task={task} onChange={(start) => (answer.current = start)} />,
        onOk: () => resolve(answer.current === "time" ? undefined : answer.current),
        onCancel: () => resolve(undefined),
      });
    });
  const range = (task: Task) =>
    new Promise<Range | undefined>((resolve) => {
      const chosen: Range = { from: "earliest", to: "now", topic: `${task.map.topic}-replay` };
      modal.confirm({
        title: word.replayTitle,
        icon: null,
        content: <Replay task={task} range={chosen} />,
        onOk: () => resolve(chosen),
        onCancel: () => resolve(undefined),
      });
    });
  return { copyName, place, range };
}

export function useTaskActions(task: Task) {
  const word = useWords(own);
  const all = useWords(common);
  const act = useAction();
  const remove = useDeletion(task);
  const ask = useQuestions();
  const navigate = useNavigate();
  const mayAct = useMay("operator");
  const mayChange = useMay("administrator");
  const { name } = task;
  const parts = { name };
  const runs = task.enabled && task.status !== "failed";
  const copy = async () => {
    const chosen = await ask.copyName(name);
    if (!chosen) return;
    const made = await act(
      () => api.post<Task>("/tasks/{name}:copy", { parts, body: { name: chosen } }),
      word.copied(chosen),
    );
    if (made) navigate(pathOf(made.name));
  };
  const seek = async () => {
    const start = await ask.place(task);
    if (start) await act(() => api.post("/tasks/{name}:seek", { parts, body: { start } }), word.seekDone);
  };
  const replay = async () => {
    const chosen = await ask.range(task);
    if (!chosen) return;
    const made = await act(
      () => api.post<Task>("/tasks/{name}:replay", { parts, body: { ...chosen } }),
      word.replayDone,
    );
    if (made) navigate(pathOf(made.name));
  };
  return {
    runs,
    mayAct,
    mayChange,
    start: () => act(() => api.post("/tasks/{name}:start", { parts }), word.started(name)),
    pause: () => act(() => api.post("/tasks/{name}:pause", { parts }), word.paused(name)),
    menu: [
      { key: "edit", label: all.edit, disabled: !mayChange, onClick: () => navigate(`${pathOf(name)}/edit`) },
      { key: "copy", label: all.copy, disabled: !mayChange, onClick: copy },
      { key: "seek", label: word.seek, disabled: !mayAct, onClick: seek },
      ...(isInbound(task as unknown as Entity)
        ? []
        : [{ key: "replay", label: word.replay, disabled: !mayChange, onClick: replay }]),
      { key: "delete", label: all.remove, danger: true, disabled: !mayChange, onClick: remove },
    ],
  };
}
