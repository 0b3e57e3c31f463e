import { Link } from "react-router-dom";
import { List } from "../../components/list";
import { Page } from "../../components/page";
import { Status } from "../../components/status";
import { common } from "../../words/common";
import { useWords, words } from "../../words/language";
import { pathOf } from "../clients/client_type";

const own = words(
  {
    title: "Subscriptions",
    help: "What all clients are subscribed to. Give a topic, and who would get a message of it is shown.",
    empty: "Subscribe with any MQTT client, or with the one of this console.",
    webSocket: "WebSocket client",
    client: "Client id",
    filter: "Filter begins with",
    shown: "Filter",
    topic: "Topic that is matched",
    group: "Group",
    qos: "QoS",
  },
  {
    title: "订阅",
    help: "所有客户端的订阅。给出一个主题，即可看到谁会收到它的消息。",
    empty: "用任意 MQTT 客户端订阅，或使用本控制台的客户端。",
    webSocket: "WebSocket 客户端",
    client: "客户端 ID",
    filter: "过滤器前缀",
    shown: "过滤器",
    topic: "匹配的主题",
    group: "共享组",
    qos: "QoS",
  },
);

interface Row {
  client_id: string;
  status: string;
  filter: string;
  qos: number;
  group?: string;
}

export default function Subscriptions() {
  const word = useWords(own);
  const all = useWords(common);
  return (
    <Page title={word.title} help={word.help}>
      <List<Row>
        path="/subscriptions"
        isAddressed
        rowKey={(row) => `${row.client_id} ${row.filter}`}
        empty={
          <>
            <p>{word.empty}</p>
            <Link to="/web-socket">{word.webSocket}</Link>
          </>
        }
        filters={[
          { name: "topic", label: word.topic, isWhole: false },
          { name: "client_id", label: word.client },
          { name: "filter_prefix", label: word.filter, isWhole: false },
          { name: "group", label: word.group },
        ]}
        columns={[
          { title: word.client, render: (_, { client_id: id }) => <Link to={pathOf(id)}>{id}</Link> },
          { title: all.status, render: (_, { status }) => <Status value={status} /> },
          { title: word.shown, render: (_, { filter }) => <code>{filter}</code> },
          { title: word.group, dataIndex: "group" },
          { title: word.qos, dataIndex: "qos" },
        ]}
      />
    </Page>
  );
}
