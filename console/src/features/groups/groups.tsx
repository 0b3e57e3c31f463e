import { Tag } from "antd";
import { schemaOf } from "../../api/documents";
import { Crud } from "../../components/crud";
import { number } from "../../components/format";
import { common } from "../../words/common";
import { useLanguage, useWords, words } from "../../words/language";

const own = words(
  {
    title: "Shared groups",
    help: "Clients that subscribe to $share/GROUP/FILTER share its messages. Groups appear by themselves; one that is made here has a strategy of its own.",
    create: "New group",
    empty: "Subscribe some clients to $share/workers/jobs/#, and they share the work.",
    strategy: "Strategy",
    members: "Members",
    filters: "Filters and what waits",
    made: "made here",
    deletion: (members: number) =>
      members > 0
        ? `${members} members are in it: the server refuses to delete it until they have left.`
        : "Nobody is in it.",
  },
  {
    title: "共享组",
    help: "订阅 $share/组名/过滤器 的客户端共同分担消息。组会自动出现；在此创建的组有自己的负载均衡策略。",
    create: "新建共享组",
    empty: "让几个客户端订阅 $share/workers/jobs/#，它们就会分担工作。",
    strategy: "策略",
    members: "成员",
    filters: "过滤器与待投递",
    made: "手动创建",
    deletion: (members: number) =>
      members > 0 ? `组内还有 ${members} 个成员：在他们离开之前，服务器会拒绝删除。` : "组内没有成员。",
  },
);

interface Group {
  name: string;
  description: string;
  strategy: string;
  made: boolean;
  members: number;
  subscriptions: { filter: string; lag_messages: number; members: number; strategy: string }[];
}

export default function Groups() {
  const word = useWords(own);
  const all = useWords(common);
  const language = useLanguage();
  return (
    <Crud<Group>
      title={word.title}
      help={word.help}
      create={word.create}
      empty={word.empty}
      path="/groups"
      one="/groups/{name}"
      createSchema={schemaOf("createGroup")}
      columns={[
        {
          title: word.strategy,
          render: (_, { strategy, made }) => (
            <>
              {strategy} {made && <Tag>{word.made}</Tag>}
            </>
          ),
        },
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
        { title: all.description, dataIndex: "description" },
      ]}
      deletion={({ members }) => word.deletion(members)}
    />
  );
}
