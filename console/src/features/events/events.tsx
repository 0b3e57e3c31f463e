import { Tag } from "antd";
import { useState } from "react";
import { Link } from "react-router-dom";
import type { Path, Query } from "../../api/client";
import { Code, pretty } from "../../components/code";
import { number, time } from "../../components/format";
import { List, type Filter } from "../../components/list";
import { Page } from "../../components/page";
import { TimeRange } from "../../components/time_range";
import { useLanguage, useWords, words } from "../../words/language";
import { pathOf as clientPath } from "../clients/client_type";

const own = words(
  {
    title: "Events",
    help: "What happened to clients, sessions, messages and tasks, newest first, and what happens. Of very much it is a sample.",
    empty: "Connect a client or start a task, and it is told here.",
    kind: "Kind",
    event: "Event",
    subject: "Client or task",
    time: "Time",
    about: "About",
    reason: "Why",
    since: "From",
    until: "To",
    leftOut: (count: string) => `${count} more of this kind came before it and were not kept`,
  },
  {
    title: "事件",
    help: "客户端、会话、消息和任务发生过以及正在发生的事件，最新的在前。数量很多时只保留一部分。",
    empty: "连接一个客户端或启动一个任务，就会显示在这里。",
    kind: "种类",
    event: "事件",
    subject: "客户端或任务",
    time: "时间",
    about: "对象",
    reason: "原因",
    since: "开始时间",
    until: "结束时间",
    leftOut: (count: string) => `在此之前另有 ${count} 个同类事件没有保留`,
  },
);

interface Event {
  id: string;
  time: string;
  kind: string;
  event: string;
  subject: string;
  reason?: string;
  detail?: string;
  topic?: string;
  left_out?: number;
}

const colours: Record<string, string> = {
  "client.connected": "green",
  "session.terminated": "orange",
  "message.dropped": "red",
  "message.undelivered": "orange",
  "task.running": "green",
  "task.waiting": "orange",
  "task.failed": "red",
  "task.rejected": "red",
  "task.shedding": "orange",
};

function Subject({ event }: { event: Event }) {
  if (event.kind === "tasks")
    return <Link to={`/tasks/${encodeURIComponent(event.subject)}`}>{event.subject}</Link>;
  return <Link to={clientPath(event.subject)}>{event.subject}</Link>;
}

interface Props {
  path: Path;
  parts?: Record<string, string>;
  filters: Filter[];
  isAddressed?: boolean;
}

// Of all, or of one client or task.
export function EventList({ path, parts, filters, isAddressed }: Props) {
  const word = useWords(own);
  const language = useLanguage();
  const [range, setRange] = useState<Query>({});
  return (
    <>
      <div className="filters">
        <TimeRange labels={[word.since, word.until]} onChange={setRange} />
      </div>
      <List<Event>
        path={path}
        parts={parts}
        query={range}
        filters={filters}
        isAddressed={isAddressed}
        empty={<p>{word.empty}</p>}
        expanded={(event) => <Code>{pretty(event)}</Code>}
        columns={[
          { title: word.time, render: (_, event) => time(event.time, language) },
          {
            title: word.event,
            render: (_, { event, left_out: left }) => (
              <>
                <Tag color={colours[event]}>{event}</Tag>
                {left ? <div className="quiet">{word.leftOut(number(left, language))}</div> : null}
              </>
            ),
          },
          { title: word.about, render: (_, event) => <Subject event={event} /> },
          {
            title: word.reason,
            render: (_, { reason, detail, topic }) => (
              <div className="reason long">
                {[reason?.replaceAll("_", " "), detail].filter(Boolean).join(": ")} {topic && <code>{topic}</code>}
              </div>
            ),
          },
        ]}
      />
    </>
  );
}

export default function Events() {
  const word = useWords(own);
  return (
    <Page title={word.title} help={word.help}>
      <EventList
        path="/events"
        isAddressed
        filters={[
          { name: "kind", label: word.kind, options: ["clients", "sessions", "messages", "tasks"] },
          { name: "event", label: word.event },
          { name: "subject", label: word.subject },
        ]}
      />
    </Page>
  );
}
