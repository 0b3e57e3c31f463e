// How it was over the last day, from the server's own memory.
import { Card, Segmented } from "antd";
import { useMemo, useState } from "react";
import { useQuery } from "@tanstack/react-query";
import { api } from "../../api/client";
import { LineChart } from "../../components/chart";
import { Page } from "../../components/page";
import { useWords, words } from "../../words/language";

const own = words(
  {
    title: "Monitoring",
    help: "The last day, sampled every ten seconds since the server started. For longer, and for alarms: Prometheus at /metrics.",
    range: "Range",
    hour: "1 hour",
    hours: "6 hours",
    day: "1 day",
    rates: "Messages per second",
    received: "Received",
    sent: "Sent to subscribers",
    delivered: "Delivered by tasks",
    clients: "Clients",
    connections: "Connected",
    sessions: "Sessions",
    subscriptions: "Subscriptions",
    lag: "Waiting for tasks",
    log: "Log on disk, MiB",
    writing: "Written per second, KiB",
    rejected: "Rejected by tasks, per second",
  },
  {
    title: "监控",
    help: "最近一天的数据，服务器启动以来每十秒采样一次。更长时间的数据和告警请使用 /metrics 的 Prometheus 指标。",
    range: "时间范围",
    hour: "1 小时",
    hours: "6 小时",
    day: "1 天",
    rates: "每秒消息数",
    received: "接收",
    sent: "投递给订阅者",
    delivered: "由任务投递",
    clients: "客户端",
    connections: "在线",
    sessions: "会话",
    subscriptions: "订阅",
    lag: "任务待投递",
    log: "日志占用磁盘（MiB）",
    writing: "每秒写入（KiB）",
    rejected: "任务每秒拒绝",
  },
);

type Word = Exclude<keyof typeof own.en, "title" | "help" | "range" | "hour" | "hours" | "day">;
type Sample = { time: string } & Record<string, number | null | string>;

interface Series {
  word: Word;
  field: string;
  unit?: number; // the figure is shown in this many
}

const charts: { title: Word; series: Series[] }[] = [
  {
    title: "rates",
    series: [
      { word: "received", field: "messages_received_per_second" },
      { word: "sent", field: "messages_sent_per_second" },
      { word: "delivered", field: "delivered_per_second" },
    ],
  },
  {
    title: "clients",
    series: [
      { word: "connections", field: "connections" },
      { word: "sessions", field: "sessions" },
      { word: "subscriptions", field: "subscriptions" },
    ],
  },
  { title: "lag", series: [{ word: "lag", field: "lag_messages" }] },
  { title: "rejected", series: [{ word: "rejected", field: "rejected_per_second" }] },
  { title: "log", series: [{ word: "log", field: "log_bytes", unit: 1024 * 1024 }] },
  { title: "writing", series: [{ word: "writing", field: "bytes_appended_per_second", unit: 1024 }] },
];

// A gap where there is no figure: the first sample has no rates.
export function pointsOf(samples: Sample[], field: string, unit = 1): [number, number][] {
  return samples.flatMap((sample): [number, number][] => {
    const value = sample[field];
    return typeof value === "number" ? [[Date.parse(sample.time), value / unit]] : [];
  });
}

const ranges = { hour: 3600, hours: 6 * 3600, day: 24 * 3600 };
const every = 10_000; // as often as the server notes them

function useHistory(seconds: number) {
  return useQuery({
    queryKey: ["/history", seconds],
    queryFn: () => {
      const from = new Date(Date.now() - seconds * 1000).toISOString();
      const step = Math.max(10, Math.round(seconds / 360));
      return api.get<{ items: Sample[] }>("/history", { query: { from, step } });
    },
    refetchInterval: every,
  });
}

export default function Monitoring() {
  const word = useWords(own);
  const [range, setRange] = useState<keyof typeof ranges>("hour");
  const history = useHistory(ranges[range]);
  const samples = history.data?.items;
  const shown = useMemo(
    () =>
      charts.map(({ title, series }) => ({
        title,
        lines: series.map(({ word: name, field, unit }) => ({
          name: word[name],
          points: pointsOf(samples ?? [], field, unit),
        })),
      })),
    [samples, word],
  );
  const choice = (
    <Segmented
      aria-label={word.range}
      value={range}
      onChange={setRange}
      options={(["hour", "hours", "day"] as const).map((value) => ({ value, label: word[value] }))}
    />
  );
  return (
    <Page title={word.title} help={word.help} actions={choice} error={history.error} isLoading={history.isPending}>
      <div className="two">
        {shown.map(({ title, lines }) => (
          <Card key={title} size="small" title={word[title]}>
            <LineChart lines={lines} label={word[title]} />
          </Card>
        ))}
      </div>
    </Page>
  );
}
