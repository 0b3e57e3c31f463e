import { Tag } from "antd";
import { useMay, useSession } from "../../api/session";
import { schemaOf } from "../../api/documents";
import { Crud } from "../../components/crud";
import { time } from "../../components/format";
import { common } from "../../words/common";
import { useLanguage, useWords, words } from "../../words/language";
import { valueWord } from "../../words/values";

const own = words(
  {
    title: "Tokens",
    help: "For programs: sent as Authorization: Bearer. A token never may more than its owner may at that moment, and always ends.",
    create: "New token",
    empty: "Make one for each program that calls the REST API or reads metrics, with the least role and scope that it needs.",
    role: "Role",
    owner: "Owner",
    scope: "Scope",
    everything: "everything",
    expires: "Ends",
    lastUsed: "Last used",
    never: "never",
    deletion: (name: string) => `Whatever program uses the token ${name} is refused from now on.`,
    secret: "Token",
  },
  {
    title: "令牌",
    help: "供程序使用：以 Authorization: Bearer 发送。令牌的权限永远不超过其所有者当时的权限，并且总会到期。",
    create: "新建令牌",
    empty: "为每个调用 REST API 或读取指标的程序各建一个，只给所需的最小角色和范围。",
    role: "角色",
    owner: "所有者",
    scope: "范围",
    everything: "全部",
    expires: "到期",
    lastUsed: "最近使用",
    never: "从未",
    deletion: (name: string) => `使用令牌 ${name} 的程序从现在起会被拒绝。`,
    secret: "令牌",
  },
);

interface Token {
  name: string;
  role: string;
  owner: string;
  scope: string[];
  expires: string;
  last_used: string | null;
  description: string;
  token?: string;
}

export default function Tokens() {
  const word = useWords(own);
  const all = useWords(common);
  const language = useLanguage();
  const { user } = useSession();
  const mayEnd = useMay("administrator");
  return (
    <Crud<Token>
      title={word.title}
      help={word.help}
      create={word.create}
      empty={word.empty}
      path="/tokens"
      one="/tokens/{name}"
      createSchema={schemaOf("createToken")}
      isFixed
      role="viewer"
      filters={[
        { name: "name_contains", label: all.name, isWhole: false },
        { name: "owner", label: word.owner },
      ]}
      columns={[
        { title: word.role, render: (_, { role }) => <Tag>{valueWord(role, language)}</Tag> },
        { title: word.owner, dataIndex: "owner" },
        { title: word.scope, render: (_, { scope }) => (scope?.length ? scope.map((each) => valueWord(each, language)).join(", ") : word.everything) },
        { title: word.expires, render: (_, { expires }) => time(expires, language) },
        { title: word.lastUsed, render: (_, { last_used }) => time(last_used, language) },
      ]}
      mayChange={({ owner }) => mayEnd || owner === user}
      deletion={({ name, last_used: used }) => `${word.deletion(name)} ${word.lastUsed}: ${used ? time(used, language) : word.never}.`}
      secret="token"
      secretTitle={word.secret}
    />
  );
}
