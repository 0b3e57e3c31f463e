import { Tag } from "antd";
import { Link } from "react-router-dom";
import { schemaOf } from "../../api/documents";
import { useGet, useLive } from "../../api/live";
import { Crud } from "../../components/crud";
import { duration, number, time } from "../../components/format";
import { ProblemAlert } from "../../components/problem";
import { common } from "../../words/common";
import { useLanguage, useWords, words } from "../../words/language";
import { valueWord } from "../../words/values";
import { pathOf } from "../clients/client_type";

const own = words(
  {
    title: "Shared groups",
    help: "Clients that subscribe to $share/GROUP/FILTER share its messages. Groups appear by themselves; one that is made here has a strategy of its own.",
    create: "New group",
    empty: "Subscribe some clients to $share/workers/jobs/#, and they share the work.",
    strategy: "Strategy",
    latency: "Strategy latency",
    members: "Members",
    filters: "Filters and what waits",
    made: "made here",
    used: (used: string, allowed: string) =>
      `${used} / ${allowed} in use: each filter of a group counts (mqtt.groups).`,
    deletion: (members: string, waiting: string) =>
      `Members: ${members}. Their subscriptions in it end, and ${waiting} waiting messages are given up, with what they have not acknowledged.`,
    deletionEmpty: "Nobody is in it.",
  },
  {
    title: "共享组",
    help: "订阅 $share/组名/过滤器 的客户端共同分担消息。组会自动出现；在此创建的组有自己的负载均衡策略。",
    create: "新建共享组",
    empty: "让几个客户端订阅 $share/workers/jobs/#，它们就会分担工作。",
    strategy: "策略",
    latency: "策略延迟",
    members: "成员",
    filters: "过滤器与待投递",
    made: "手动创建",
    used: (used: string, allowed: string) => `已使用 ${used} / ${allowed}：组内每个过滤器计一个（mqtt.groups）。`,
    deletion: (members: string, waiting: string) =>
      `成员：${members}。它们在组内的订阅会结束，${waiting} 条待投递消息和尚未确认的消息将被放弃。`,
    deletionEmpty: "组内没有成员。",
  },
);

interface Group {
  name: string;
  description: string;
  strategy: string;
  strategy_latency_seconds?: number;
  made: boolean;
  members: number;
  updated?: string;
  subscriptions: Part[];
}

interface Part {
  filter: string;
  lag_messages: number;
  members: number;
  strategy: string;
  client_ids?: string[]; // of one group alone
}

const waitingIn = (parts: Part[]) => parts.reduce((sum, { lag_messages: lag }) => sum + (lag ?? 0), 0);

// Who is in it, for each filter.
function Members({ group }: { group: Group }) {
  const word = useWords(own);
  const language = useLanguage();
  const whole = useLive<Group>("/groups/{name}", { parts: { name: group.name } });
  const parts = whole.data?.subscriptions ?? [];
  return (
    <>
      <ProblemAlert error={whole.error} />
      {whole.data && parts.length === 0 && word.deletionEmpty}
      {parts.map(({ filter, members, client_ids: ids = [] }) => (
        <div key={filter} className="gap">
          <code>{filter}</code>: {ids.map((id) => <Link key={id} to={pathOf(id)}>{id} </Link>)}
          {members > ids.length && `… ${number(members, language)}`}
        </div>
      ))}
    </>
  );
}

export default function Groups() {
  const word = useWords(own);
  const all = useWords(common);
  const language = useLanguage();
  const counts = useGet<{ used: number; allowed: number }>("/groups", { query: { limit: 1 } }).data;
  return (
    <Crud<Group>
      title={word.title}
      help={
        <>
          {word.help} {counts && word.used(number(counts.used, language), number(counts.allowed, language))}
        </>
      }
      create={word.create}
      empty={word.empty}
      path="/groups"
      one="/groups/{name}"
      createSchema={schemaOf("createGroup")}
      isWide
      columns={[
        {
          title: word.strategy,
          render: (_, { strategy, made }) => (
            <>
              {valueWord(strategy, language)} {made && <Tag>{word.made}</Tag>}
            </>
          ),
        },
        { title: word.latency, align: "right", render: (_, row) => duration(row.strategy_latency_seconds, language) },
        { title: word.members, dataIndex: "members", align: "right" },
        {
          title: word.filters,
          render: (_, { subscriptions }) =>
            (subscriptions ?? []).map(({ filter, lag_messages }) => (
              <div key={filter}>
                <code>{filter}</code> {number(lag_messages, language)}
              </div>
            )),
        },
        { key: "updated", optional: true, title: all.updated, render: (_, { updated }) => (updated ? time(updated, language) : "–") },
      ]}
      expanded={(group) => <Members group={group} />}
      mayChange={({ made }) => made}
      deletionQuery={({ members }) => ({ force: members > 0 })}
      deletion={({ members, subscriptions }) =>
        members > 0
          ? word.deletion(number(members, language), number(waitingIn(subscriptions), language))
          : word.deletionEmpty
      }
    />
  );
}
