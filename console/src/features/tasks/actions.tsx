// What can be done with a task, from the list and from its page.
import { App, DatePicker, Input, Radio, Space } from "antd";
import type { Dayjs } from "dayjs";
import { useRef } from "react";
import { useNavigate } from "react-router-dom";
import { api, type Entity } from "../../api/client";
import { useMay } from "../../api/session";
import type { Task } from "../../api/task";
import { useAction, useConfirm } from "../../components/action";
import { number } from "../../components/format";
import { common } from "../../words/common";
import { useLanguage, useWords } from "../../words/language";
import { isInbound } from "./document";
import { own } from "./words";

export function pathOf(name: string) {
  return `/tasks/${encodeURIComponent(name)}`;
}

function Seek({ task, onChange }: { task: Task; onChange: (start: unknown) => void }) {
  const word = useWords(own);
  const language = useLanguage();
  return (
    <Space direction="vertical">
      <p>{word.seekText(number(task.delivered, language), number(task.lag_messages, language))}</p>
      <Radio.Group defaultValue="earliest" onChange={(event) => onChange(event.target.value)}>
        <Space direction="vertical">
          <Radio value="earliest">{word.seekEarliest}</Radio>
          <Radio value="now">{word.seekNow}</Radio>
          <Radio value="time">{word.seekTime}</Radio>
        </Space>
      </Radio.Group>
      <DatePicker
        showTime
        aria-label={word.seekTime}
        onChange={(time: Dayjs | null) => time && onChange({ time: time.toISOString() })}
      />
    </Space>
  );
}

interface Range {
  from: unknown;
  to: unknown;
  topic: string;
}

function Replay({ task, range }: { task: Task; range: Range }) {
  const word = useWords(own);
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
          range.from = times?.[0] ? { time: times[0].toISOString() } : "earliest";
          range.to = times?.[1] ? { time: times[1].toISOString() } : "now";
        }}
      />
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
  const language = useLanguage();
  const act = useAction();
  const confirm = useConfirm();
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
  const remove = async () => {
    const tell = isInbound(task as unknown as Entity) ? word.deleteInbound : word.deleteText;
    const content = tell(number(task.lag_messages, language), number(task.dead_letters, language));
    if (!(await confirm({ title: word.deleteTitle(name), content }))) return;
    const done = await act(async () => {
      await api.delete("/tasks/{name}", { parts });
      return true;
    }, word.deleted(name));
    if (done) navigate("/tasks");
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
