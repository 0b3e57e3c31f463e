import { Alert, Button, Card, Dropdown, Tabs } from "antd";
import { useMemo } from "react";
import { useParams, useSearchParams } from "react-router-dom";
import { useLive } from "../../api/live";
import { isWell, type Task } from "../../api/task";
import { LineChart } from "../../components/chart";
import { Code } from "../../components/code";
import { Figures } from "../../components/figures";
import { duration, number, time } from "../../components/format";
import { Page } from "../../components/page";
import { useRates } from "../../components/rates";
import { Status, statusWord } from "../../components/status";
import { common } from "../../words/common";
import { useLanguage, useWords } from "../../words/language";
import { useTaskActions } from "./actions";
import { useTaskDialogs } from "./dialogs";
import { EventList } from "../events/events";
import { editable } from "./document";
import { Errors } from "./errors";
import { Letters } from "./letters";
import { Past } from "./past";
import { sourceOf, targetOf } from "./tasks";
import { Workers } from "./workers";
import { own } from "./words";

function Progress({ task, at }: { task: Task; at: number }) {
  const word = useWords(own);
  const language = useLanguage();
  const show = (value: number | null) => number(value, language);
  const counters = useMemo(() => ({ delivered: task.delivered }), [task]);
  const samples = useRates(counters, at);
  const lines = useMemo(
    () => [
      {
        name: word.delivered,
        points: samples.map(({ at: when, rates }): [number, number] => [when, rates.delivered ?? 0]),
      },
    ],
    [samples, word],
  );
  return (
    <>
      <div className="grid">
        <Card title={word.progress} size="small">
          <Figures
            rows={[
              [word.waitingMessages, show(task.lag_messages)],
              [word.oldestWaiting, duration(task.oldest_unsent_age_seconds, language)],
              [word.inFlight, show(task.in_flight)],
              [word.delivered, show(task.delivered)],
              [word.lastSuccess, time(task.last_success, language)],
            ]}
          />
        </Card>
        <Card title={word.rejected} size="small">
          <Figures
            rows={[
              [word.deadLetters, show(task.dead_letters)],
              [word.rejected, show(task.rejected)],
              [word.retried, show(task.retried)],
              [word.duplicates, show(task.possible_duplicates)],
              [word.filtered, show(task.filtered)],
              ...(task.account ? [[word.denied, show(task.denied ?? 0)] as [string, string]] : []),
              [word.shed, show(task.shed)],
              [word.lost, show(task.lost)],
            ]}
          />
        </Card>
        <Card title={word.settings} size="small">
          <Figures
            rows={[
              [word.source, sourceOf(task)],
              [word.target, targetOf(task)],
              [word.group, task.group],
              ...(task.account ? [[word.account, task.account] as [string, string]] : []),
              [word.workers, (task.clients ?? []).join(", ")],
            ]}
          />
        </Card>
      </div>
      <Card title={word.perSecond} size="small" className="gap">
        <LineChart lines={lines} label={word.perSecond} />
      </Card>
      <Past task={task} />
    </>
  );
}

function Shown({ task, at }: { task: Task; at: number }) {
  const word = useWords(own);
  const all = useWords(common);
  const language = useLanguage();
  const { ask, dialog } = useTaskDialogs();
  const actions = useTaskActions(task, ask);
  const [query, setQuery] = useSearchParams();
  const isIll = !isWell(task.status);
  const buttons = (
    <>
      <Button
        type={actions.runs ? "default" : "primary"}
        disabled={!actions.mayAct}
        onClick={actions.runs ? actions.pause : actions.start}
      >
        {actions.runs ? word.pause : word.start}
      </Button>
      {actions.menu.slice(0, 2).map(({ key, label, disabled, onClick }) => (
        <Button key={key} disabled={disabled} onClick={onClick}>
          {label}
        </Button>
      ))}
      <Dropdown autoFocus trigger={["click"]} menu={{ items: actions.menu.slice(2) }}>
        <Button aria-label={`${task.name}: …`}>…</Button>
      </Dropdown>
    </>
  );
  return (
    <Page
      title={task.name}
      help={
        <>
          <Status value={task.status} /> {word.since} {time(task.since, language)}
          {task.description && ` · ${task.description}`}
        </>
      }
      actions={buttons}
    >
      {dialog}
      {isIll && (
        <Alert
          className="problem"
          type={task.status === "failed" ? "error" : "warning"}
          showIcon
          message={task.status_reason || statusWord(task.status, language)}
          description={task.next_try && `${word.nextTry}: ${time(task.next_try, language)}`}
        />
      )}
      {task.last_error && task.last_error !== task.status_reason && (
        <Alert
          className="problem"
          type="info"
          showIcon
          message={`${word.lastError}, ${time(task.last_error_at, language)}`}
          description={task.last_error}
        />
      )}
      <Tabs
        activeKey={query.get("tab") ?? "progress"}
        onChange={(tab) => setQuery(tab === "progress" ? {} : { tab }, { replace: true })}
        items={[
          { key: "progress", label: word.progress, children: <Progress task={task} at={at} /> },
          {
            key: "letters",
            label: `${word.deadLetters} (${number(task.dead_letters, language)})`,
            children: <Letters task={task} />,
          },
          { key: "workers", label: `${word.workers} (${task.workers.length})`, children: <Workers task={task} /> },
          {
            key: "events",
            label: word.events,
            children: (
              <EventList
                path="/tasks/{name}/events"
                parts={{ name: task.name }}
                filters={[{ name: "event", label: word.event }]}
              />
            ),
          },
          { key: "errors", label: word.errors, children: <Errors task={task} /> },
          { key: "document", label: all.json, children: <Code>{JSON.stringify(editable(task), null, 2)}</Code> },
        ]}
      />
    </Page>
  );
}

export default function TaskPage() {
  const { name = "" } = useParams();
  const task = useLive<Task>("/tasks/{name}", { parts: { name } });
  if (!task.data) return <Page title={name} error={task.error} isLoading={task.isPending} />;
  return <Shown task={task.data} at={task.dataUpdatedAt} />;
}
