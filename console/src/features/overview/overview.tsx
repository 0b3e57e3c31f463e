import { Alert, Card, Tag } from "antd";
import type { QueryClient } from "@tanstack/react-query";
import { useMemo } from "react";
import { Link } from "react-router-dom";
import type { Health, Page as ListPage } from "../../api/client";
import { askAhead, useLive } from "../../api/live";
import { isWell, type Task } from "../../api/task";
import { LineChart } from "../../components/chart";
import { Figures, type Figure } from "../../components/figures";
import { bytes, duration, milliseconds, number, rate } from "../../components/format";
import { Page } from "../../components/page";
import { useLanguage, useWords } from "../../words/language";
import { useMeaning } from "../../components/problem";
import { useRates } from "../../components/rates";
import { pathOf } from "../tasks/actions";
import { own } from "./words";

interface Overview {
  node: string;
  version: string;
  uptime_seconds: number;
  health: Health;
  store: { accepting: boolean; messages_appended: number; log_bytes: number; detail?: string; damage?: string };
  connections: Record<string, number>;
  tasks: Record<string, number>;
  users: number;
  policies: number;
  access_enabled: boolean;
  latency: Record<"acknowledged_p50_ms" | "acknowledged_p99_ms" | "delivered_p50_ms" | "delivered_p99_ms", number | null>;
  broker?: {
    connections: number;
    sessions: number;
    subscriptions: number;
    retained: number;
    messages_received: number;
    messages_sent: number;
  };
}

const listed = { query: { limit: 1000 } };
export const ahead = (client: QueryClient) => Promise.all([askAhead(client, "/overview"), askAhead(client, "/tasks", listed)]);
const sum = (tasks: Task[], of: (task: Task) => number) =>
  tasks.reduce((total, task) => total + of(task), 0);

function Big({ label, value, unit }: { label: string; value: string; unit: string }) {
  return (
    <div className="big-block">
      <div>{label}</div>
      <div className="big">
        {value}
        <span className="unit">{unit}</span>
      </div>
    </div>
  );
}

function Wrong({ health, tasks, broken }: { health: Health; tasks: Task[]; broken: number }) {
  const word = useWords(own);
  const { reasons = [], notices = [] } = health;
  const meaningOf = useMeaning();
  const ill = tasks.filter(({ status }) => !isWell(status));
  if (health.status === "ready" && notices.length + ill.length + broken === 0)
    return <Alert className="problem" type="success" showIcon message={word.ready} />;
  return (
    <div role="status">
      {reasons.map(({ component, code, detail }) => {
        const meaning = meaningOf(code);
        return (
          <Alert
            key={component + detail}
            className="problem"
            type="error"
            showIcon
            message={meaning ?? detail}
            description={meaning && detail}
          />
        );
      })}
      {broken > 0 && (
        <Alert
          className="problem"
          type="warning"
          showIcon
          message={<Link to="/connections?status=failed">{word.broken(broken)}</Link>}
        />
      )}
      {ill.map((task) => (
        <Alert
          key={task.id}
          className="problem"
          type={task.status === "failed" ? "error" : "warning"}
          showIcon
          message={<Link to={pathOf(task.name)}>{word.wrong(task.name)}</Link>}
          description={task.status_reason || task.last_error || task.status}
        />
      ))}
      {notices.map((notice) => (
        <Alert key={notice} className="problem" type="warning" showIcon message={notice} />
      ))}
    </div>
  );
}

export default function OverviewPage() {
  const word = useWords(own);
  const language = useLanguage();
  const overview = useLive<Overview>("/overview");
  const list = useLive<ListPage<Task>>("/tasks", listed);
  const data = overview.data;
  const tasks = useMemo(() => list.data?.items ?? [], [list.data]);
  const isListed = list.data !== undefined;
  const delivered = sum(tasks, (task) => task.delivered);
  const counters = useMemo(
    () =>
      data &&
      isListed && {
        received: data.broker?.messages_received ?? 0,
        appended: data.store.messages_appended,
        sent: data.broker?.messages_sent ?? 0,
        delivered,
      },
    [data, isListed, delivered],
  );
  const samples = useRates(counters || undefined, overview.dataUpdatedAt);
  const now = samples.at(-1)?.rates;
  const lines = useMemo(
    () =>
      (["received", "sent", "delivered"] as const).map((name, index) => ({
        name: [word.received, word.toSubscribers, word.byTasks][index] ?? name,
        points: samples.map(({ at, rates }): [number, number] => [at, rates[name] ?? 0]),
      })),
    [samples, word],
  );
  const show = (value: unknown) => number(value, language);
  const both = (p50: number | null, p99: number | null) =>
    p50 === null || p99 === null ? "–" : milliseconds([p50, p99], language);
  const out = now && (now.sent ?? 0) + (now.delivered ?? 0);
  return (
    <Page
      title={word.title}
      help={data && word.node(data.node, data.version, duration(data.uptime_seconds, language))}
      error={overview.error ?? list.error}
      isLoading={!data}
    >
      {data && (
        <>
          <Wrong health={data.health} tasks={tasks} broken={data.connections.failed ?? 0} />
          <div className="flow">
            <Card title={word.publishers}>
              <Big label={word.received} value={rate(now?.received, language)} unit={word.perSecond} />
              <Figures
                rows={[
                  [word.connected, show(data.broker?.connections), "/clients?status=connected"],
                  [word.sessions, show(data.broker?.sessions), "/clients"],
                  [word.sinceStart, show(data.broker?.messages_received)],
                ]}
              />
            </Card>
            <Card title={word.log}>
              <Big label={word.durable} value={rate(now?.appended, language)} unit={word.perSecond} />
              <Figures
                rows={[
                  [word.acknowledgedIn, both(data.latency.acknowledged_p50_ms, data.latency.acknowledged_p99_ms), "/monitoring"],
                  [word.appended, show(data.store.messages_appended)],
                  [word.logBytes, bytes(data.store.log_bytes)],
                  [word.retained, show(data.broker?.retained), "/retained"],
                ]}
              />
            </Card>
            <Card title={word.consumers}>
              <Big label={word.delivered} value={rate(out, language)} unit={word.perSecond} />
              <Figures
                rows={[
                  [word.subscriptions, show(data.broker?.subscriptions), "/subscriptions"],
                  [word.deliveredIn, both(data.latency.delivered_p50_ms, data.latency.delivered_p99_ms), "/monitoring"],
                  [word.waiting, show(sum(tasks, (task) => task.lag_messages ?? 0)), "/tasks"],
                  [
                    word.oldest,
                    duration(Math.max(0, ...tasks.map((task) => task.oldest_unsent_age_seconds)), language),
                  ],
                ]}
              />
            </Card>
          </div>
          <Card className="gap" title={word.inOut}>
            <LineChart lines={lines} label={word.inOut} />
          </Card>
          <div className="grid">
            <Card title={word.tasks}>
              {tasks.length === 0 ? (
                <>
                  <strong>{word.noTasks}</strong>
                  <p>
                    {word.noTasksHint} <Link to="/tasks/new">{word.newTask}</Link>
                  </p>
                </>
              ) : (
                <Figures
                  rows={[
                    ...counted(data.tasks, "/tasks"),
                    [word.deadLetters, show(sum(tasks, (task) => task.dead_letters)), "/dead-letters"],
                  ]}
                />
              )}
            </Card>
            <Card title={word.connections}>
              <Figures
                rows={[
                  [word.connections, show(data.connections.total), "/connections"],
                  ...counted(data.connections, "/connections"),
                ]}
              />
            </Card>
            <Card
              title={word.access}
              extra={
                <Tag color={data.access_enabled ? "green" : "red"}>
                  {data.access_enabled ? word.on : word.off}
                </Tag>
              }
            >
              <Figures
                rows={[
                  [word.users, show(data.users), "/users"],
                  [word.policies, show(data.policies), "/policies"],
                ]}
              />
            </Card>
          </div>
        </>
      )}
    </Page>
  );
}

// {"total": 3, "running": 2, "failed": 1}: a row for each status.
function counted(counts: Record<string, number>, path: string): Figure[] {
  return Object.entries(counts)
    .filter(([name]) => name !== "total")
    .map(([name, count]) => [name, count, `${path}?status=${name}`]);
}
