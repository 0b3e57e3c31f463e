import { Empty, Table } from "antd";
import type { Task, Worker } from "../../api/task";
import { number, time } from "../../components/format";
import { StatusAndWhy } from "../../components/row";
import { common } from "../../words/common";
import { useLanguage, useWords } from "../../words/language";
import { own } from "./words";

// Each thread of the task, with what it does and what holds it up.
export function Workers({ task }: { task: Task }) {
  const word = useWords(own);
  const all = useWords(common);
  const language = useLanguage();
  const figure = (title: string, name: "in_flight" | "unfinished" | "delivered" | "retried" | "rejected" | "filtered") => ({
    title,
    align: "right" as const,
    render: (_: unknown, worker: Worker) => number(worker[name], language),
  });
  return (
    <Table<Worker>
      size="middle"
      rowKey="client"
      pagination={false}
      dataSource={task.workers}
      scroll={{ x: "max-content" }}
      locale={{ emptyText: <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={word.noWorkers} /> }}
      columns={[
        { title: word.worker, render: (_, { client }) => <code>{client}</code> },
        {
          title: all.status,
          render: (_, { status, status_reason: reason }) => <StatusAndWhy status={status} reason={reason} />,
        },
        { title: word.since, render: (_, { since }) => time(since, language) },
        figure(word.inFlight, "in_flight"),
        figure(word.unfinished, "unfinished"),
        figure(word.delivered, "delivered"),
        figure(word.retried, "retried"),
        figure(word.rejected, "rejected"),
        figure(word.filtered, "filtered"),
        { title: word.lastError, render: (_, { last_error }) => <div className="reason">{last_error}</div> },
      ]}
    />
  );
}
