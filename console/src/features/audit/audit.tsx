import { Tag } from "antd";
import { Code } from "../../components/code";
import { time } from "../../components/format";
import { List } from "../../components/list";
import { Page } from "../../components/page";
import { useLanguage, useWords, words } from "../../words/language";

const own = words(
  {
    title: "Audit",
    help: "Who changed what, from where, before and after, newest first; and what was refused.",
    empty: "Nothing was changed yet.",
    time: "Time",
    user: "Who",
    by: "By token",
    address: "From",
    operation: "Operation",
    subject: "What",
    outcome: "Outcome",
  },
  {
    title: "审计",
    help: "谁在何处改了什么、修改前后的内容（最新的在前），以及被拒绝的操作。",
    empty: "还没有任何修改。",
    time: "时间",
    user: "操作者",
    by: "令牌",
    address: "来源",
    operation: "操作",
    subject: "对象",
    outcome: "结果",
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
}

const colours = { done: "green", failed: "orange", refused: "red", unknown: "purple" };

export default function Audit() {
  const word = useWords(own);
  const language = useLanguage();
  return (
    <Page title={word.title} help={word.help}>
      <List<Item>
        path="/audit"
        empty={<p>{word.empty}</p>}
        filters={[
          { name: "user", label: word.user },
          { name: "operation", label: word.operation },
          { name: "subject", label: word.subject },
          { name: "outcome", label: word.outcome, options: Object.keys(colours) },
        ]}
        expanded={(item) => <Code>{JSON.stringify(item, null, 2)}</Code>}
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
                <Tag color={colours[outcome]}>{outcome}</Tag> {code}
              </>
            ),
          },
        ]}
      />
    </Page>
  );
}
