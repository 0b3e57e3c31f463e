import { Tag } from "antd";
import { useState } from "react";
import { Link } from "react-router-dom";
import type { Query } from "../../api/client";
import { Code, pretty } from "../../components/code";
import { time } from "../../components/format";
import { List } from "../../components/list";
import { Page } from "../../components/page";
import { TimeRange } from "../../components/time_range";
import { useLanguage, useWords, words } from "../../words/language";
import { valueWord } from "../../words/values";

const own = words(
  {
    title: "Audit",
    help: "Who changed what, from where, before and after, newest first; and what was refused.",
    empty: "What anybody changes here, by REST or on the command line is told on this page. Begin with a user for your devices.",
    users: "Users",
    time: "Time",
    user: "Who",
    by: "By token",
    address: "From",
    operation: "Operation",
    subject: "What",
    outcome: "Outcome",
    since: "From",
    until: "To",
    before: "Before",
    after: "After",
    notBefore: "It was not there.",
    notAfter: "It is not there any more.",
  },
  {
    title: "审计",
    help: "谁在何处改了什么、修改前后的内容（最新的在前），以及被拒绝的操作。",
    empty: "在控制台、通过 REST 或命令行所做的修改都会记录在此。可先为设备创建用户。",
    users: "用户",
    time: "时间",
    user: "操作者",
    by: "令牌",
    address: "来源",
    operation: "操作",
    subject: "对象",
    outcome: "结果",
    since: "开始时间",
    until: "结束时间",
    before: "修改前",
    after: "修改后",
    notBefore: "之前不存在。",
    notAfter: "已不存在。",
  },
);

interface Item {
  id: string;
  time: string;
  user: string;
  token: string | null;
  address: string;
  operation: string;
  subject: string;
  outcome: "done" | "failed" | "refused" | "unknown";
  code?: string;
  before?: unknown;
  after?: unknown;
}

const colours = { done: "green", failed: "orange", refused: "red", unknown: "purple" };

// The server keeps what differs, and the whole where something was made or deleted.
function Change({ item }: { item: Item }) {
  const word = useWords(own);
  const { before, after, ...rest } = item;
  if (before === undefined && after === undefined) return <Code>{pretty(rest)}</Code>;
  return (
    <div className="two">
      <div>
        <h2>{word.before}</h2>
        {before === undefined ? word.notBefore : <Code label={word.before}>{pretty(before)}</Code>}
      </div>
      <div>
        <h2>{word.after}</h2>
        {after === undefined ? word.notAfter : <Code label={word.after}>{pretty(after)}</Code>}
      </div>
    </div>
  );
}

export default function Audit() {
  const word = useWords(own);
  const language = useLanguage();
  const [range, setRange] = useState<Query>({});
  return (
    <Page title={word.title} help={word.help}>
      <div className="filters">
        <TimeRange labels={[word.since, word.until]} onChange={setRange} />
      </div>
      <List<Item>
        path="/audit"
        isAddressed
        query={range}
        empty={
          <>
            <p>{word.empty}</p>
            <Link to="/users">{word.users}</Link>
          </>
        }
        filters={[
          { name: "user", label: word.user },
          { name: "operation", label: word.operation },
          { name: "subject", label: word.subject },
          { name: "outcome", label: word.outcome, options: ["done", "failed", "refused", "unknown"] },
        ]}
        expanded={(item) => <Change item={item} />}
        columns={[
          { title: word.time, render: (_, item) => time(item.time, language) },
          { title: word.user, dataIndex: "user" },
          { title: word.by, dataIndex: "token" },
          { title: word.address, dataIndex: "address" },
          { title: word.operation, dataIndex: "operation" },
          { title: word.subject, dataIndex: "subject" },
          {
            title: word.outcome,
            render: (_, { outcome, code }) => (
              <>
                <Tag color={colours[outcome]}>{valueWord(outcome, language)}</Tag> {code}
              </>
            ),
          },
        ]}
      />
    </Page>
  );
}
