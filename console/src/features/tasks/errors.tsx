import { Tag } from "antd";
import { Link } from "react-router-dom";
import type { Task } from "../../api/task";
import { number, time } from "../../components/format";
import { List } from "../../components/list";
import { useLanguage, useWords } from "../../words/language";
import { own } from "./words";

interface TaskError {
  name: string;
  event: string;
  reason: string;
  count: number;
  first: string | null;
  last: string | null;
  message_id: string | null;
}

// Why it waited, failed or rejected messages: each reason once.
export function Errors({ task }: { task: Task }) {
  const word = useWords(own);
  const language = useLanguage();
  return (
    <List<TaskError>
      path="/tasks/{name}/errors"
      parts={{ name: task.name }}
      rowKey="name"
      filters={[{ name: "event", label: word.event, options: ["task.waiting", "task.failed", "task.rejected"] }]}
      empty={<p>{word.noErrors}</p>}
      columns={[
        { title: word.event, render: (_, { event }) => <Tag>{event}</Tag> },
        { title: word.reason, render: (_, { reason }) => <div className="reason long">{reason}</div> },
        { title: word.count, align: "right", render: (_, { count }) => number(count, language) },
        { title: word.first, render: (_, { first }) => time(first, language) },
        { title: word.last, render: (_, { last }) => time(last, language) },
        {
          title: word.example,
          render: (_, { message_id: id }) => id && <Link to={`/messages/${encodeURIComponent(id)}`}>{id}</Link>,
        },
      ]}
    />
  );
}
