// How it was over the last day, from the server's own memory.
import { useMemo, useState } from "react";
import { HistoryCharts, RangeChoice, useHistory, type Charted, type Range } from "../../components/history";
import { Page } from "../../components/page";
import { useWords, words } from "../../words/language";

const own = words(
  {
    title: "Monitoring",
    help: "The last day, sampled every ten seconds since the server started; a task's own on its page. For longer, and for alarms: Prometheus at /metrics.",
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
    latency: "How long it takes, ms",
    acknowledged: "Acknowledged: half",
    acknowledgedMost: "Acknowledged: 99 %",
    byTask: "Delivered by tasks: half",
    byTaskMost: "Delivered by tasks: 99 %",
  },
  {
    title: "监控",
    help: "最近一天的数据，服务器启动以来每十秒采样一次；各任务的数据见其页面。更长时间的数据和告警请使用 /metrics 的 Prometheus 指标。",
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
    latency: "耗时（毫秒）",
    acknowledged: "确认：50 %",
    acknowledgedMost: "确认：99 %",
    byTask: "任务投递：50 %",
    byTaskMost: "任务投递：99 %",
  },
);

export default function Monitoring() {
  const word = useWords(own);
  const [range, setRange] = useState<Range>("hour");
  const history = useHistory("/history", range);
  const charts = useMemo(
    (): Charted[] => [
      {
        title: word.rates,
        series: [
          { name: word.received, field: "messages_received_per_second" },
          { name: word.sent, field: "messages_sent_per_second" },
          { name: word.delivered, field: "delivered_per_second" },
        ],
      },
      {
        title: word.latency,
        series: [
          { name: word.acknowledged, field: "acknowledged_p50_ms" },
          { name: word.acknowledgedMost, field: "acknowledged_p99_ms" },
          { name: word.byTask, field: "delivered_p50_ms" },
          { name: word.byTaskMost, field: "delivered_p99_ms" },
        ],
      },
      {
        title: word.clients,
        series: [
          { name: word.connections, field: "connections" },
          { name: word.sessions, field: "sessions" },
          { name: word.subscriptions, field: "subscriptions" },
        ],
      },
      { title: word.lag, series: [{ name: word.lag, field: "lag_messages" }] },
      { title: word.rejected, series: [{ name: word.rejected, field: "rejected_per_second" }] },
      { title: word.log, series: [{ name: word.log, field: "log_bytes", unit: 1024 * 1024 }] },
      { title: word.writing, series: [{ name: word.writing, field: "bytes_appended_per_second", unit: 1024 }] },
    ],
    [word],
  );
  return (
    <Page
      title={word.title}
      help={word.help}
      actions={<RangeChoice value={range} onChange={setRange} />}
      error={history.error}
      isLoading={history.isPending}
    >
      <HistoryCharts charts={charts} samples={history.data?.items} />
    </Page>
  );
}
