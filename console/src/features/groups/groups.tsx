import { Table, Tag } from "antd";
import { Link } from "react-router-dom";
import { schemaOf } from "../../api/documents";
import { useLive } from "../../api/live";
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
    filter: "Filter",
    waiting: "Waiting",
    otherFilters: (count: string, waiting: string) => `and ${count} more filters, with ${waiting} waiting`,
    otherMembers: (count: string) => `and ${count} more`,
    nobody: (name: string) => `Nobody is in it. A client that subscribes to $share/${name}/FILTER is.`,
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
    filter: "过滤器",
    waiting: "待投递",
    otherFilters: (count: string, waiting: string) => `另有 ${count} 个过滤器，待投递 ${waiting} 条`,
    otherMembers: (count: string) => `另有 ${count} 个`,
    nobody: (name: string) => `组内没有成员。订阅 $share/${name}/过滤器 的客户端即加入该组。`,
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

const fewFilters = 3; // in a row of the list
const fewMembers = 20; // of a filter

// What it waits for, filter by filter; of many the first, and the rest in what the row unfolds.
function Filters({ parts }: { parts: Part[] }) {
  const word = useWords(own);
  const language = useLanguage();
  const others = parts.slice(fewFilters);
  return (
    <>
      {parts.slice(0, fewFilters).map(({ filter, lag_messages: lag }) => (
        <div key={filter}>
          <code>{filter}</code> {number(lag, language)}
        </div>
      ))}
      {others.length > 0 && (
        <span className="quiet">
          {word.otherFilters(number(others.length, language), number(waitingIn(others), language))}
        </span>
      )}
    </>
  );
}

function Members({ group, part }: { group: string; part: Part }) {
  const word = useWords(own);
  const language = useLanguage();
  const shown = (part.client_ids ?? []).slice(0, fewMembers);
  const left = part.members - shown.length;
  const all = `/subscriptions?${new URLSearchParams({ group, filter_prefix: `$share/${group}/${part.filter}` }).toString()}`;
  return (
    <>
      {shown.map((id) => (
        <Link key={id} to={pathOf(id)}>
          {id}{" "}
        </Link>
      ))}
      {left > 0 && <Link to={all}>{word.otherMembers(number(left, language))}</Link>}
    </>
  );
}

// Who is in it, for each filter. There may be very many of both.
export function Whole({ group }: { group: Pick<Group, "name"> }) {
  const word = useWords(own);
  const language = useLanguage();
  const whole = useLive<Group>("/groups/{name}", { parts: { name: group.name } });
  return (
    <>
      <ProblemAlert error={whole.error} />
      <Table<Part>
        size="small"
        rowKey="filter"
        loading={whole.isPending}
        dataSource={whole.data?.subscriptions}
        pagination={{ pageSize: 20, hideOnSinglePage: true, showSizeChanger: false }}
        locale={{ emptyText: whole.data ? word.nobody(group.name) : " " }}
        columns={[
          { title: word.filter, render: (_, { filter }) => <code>{filter}</code> },
          { title: word.waiting, align: "right", render: (_, { lag_messages: lag }) => number(lag, language) },
          { title: word.members, render: (_, part) => <Members group={group.name} part={part} /> },
        ]}
      />
    </>
  );
}

export default function Groups() {
  const word = useWords(own);
  const all = useWords(common);
  const language = useLanguage();
  const counts = useLive<{ used: number; allowed: number }>("/groups", { query: { limit: 1 } }).data;
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
      isLive
      isSorted
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
        { title: word.members, dataIndex: "members", sort: "members", align: "right" },
        {
          title: word.filters,
          render: (_, { subscriptions }) => <Filters parts={subscriptions ?? []} />,
        },
        { key: "updated", optional: true, title: all.updated, sort: "updated", render: (_, { updated }) => (updated ? time(updated, language) : "–") },
      ]}
      expanded={(group) => <Whole group={group} />}
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
