import { Button } from "antd";
import { api } from "../../api/client";
import { useMay } from "../../api/session";
import { useAction, useConfirm } from "../../components/action";
import { number, time } from "../../components/format";
import { List } from "../../components/list";
import { Page } from "../../components/page";
import { Payload } from "../../components/payload";
import { common } from "../../words/common";
import { useLanguage, useWords, words } from "../../words/language";
import type { Message } from "../messages/message_type";

const own = words(
  {
    title: "Retained messages",
    help: "The last message of a topic that was published to be kept: who subscribes gets it at once.",
    empty: "No topic has one. Publish with the retain flag, and it is here.",
    filter: "Topic filter",
    topic: "Topic",
    time: "Stored",
    size: "Bytes",
    deletion: "1 retained message is forgotten: who subscribes from now on does not get it. Subscribers are sent nothing; the message stays in the log.",
    done: "It is forgotten",
  },
  {
    title: "保留消息",
    help: "主题最后一条要求保留的消息：新订阅者会立即收到。",
    empty: "还没有保留消息。发布时设置 retain 标志即可。",
    filter: "主题过滤器",
    topic: "主题",
    time: "存储时间",
    size: "字节",
    deletion: "将清除 1 条保留消息：此后的订阅者不会收到它。不会向现有订阅者发送任何内容；消息仍在日志中。",
    done: "已清除",
  },
);

export default function Retained() {
  const word = useWords(own);
  const all = useWords(common);
  const language = useLanguage();
  const act = useAction();
  const confirm = useConfirm();
  const mayAct = useMay("operator");
  const remove = async (topic: string) => {
    if (await confirm({ title: `${all.remove}: ${topic}?`, content: word.deletion }))
      await act(() => api.delete("/retained/{topic}", { parts: { topic } }), word.done);
  };
  return (
    <Page title={word.title} help={word.help}>
      <List<Message>
        path="/retained"
        isAddressed
        rowKey="topic"
        empty={<p>{word.empty}</p>}
        filters={[{ name: "filter", label: word.filter, isWhole: false }]}
        expanded={({ payload_base64, truncated }) => <Payload base64={payload_base64} isCut={truncated} />}
        columns={[
          { title: word.topic, render: (_, { topic }) => <code>{topic}</code> },
          { title: word.time, render: (_, { timestamp }) => time(timestamp, language) },
          { title: word.size, align: "right", render: (_, row) => number(row.payload_bytes, language) },
          {
            key: "actions",
            align: "right",
            render: (_, { topic }) =>
              mayAct && (
                <Button size="small" danger aria-label={`${all.remove}: ${topic}`} onClick={() => remove(topic)}>
                  {all.remove}
                </Button>
              ),
          },
        ]}
      />
    </Page>
  );
}
