// What stands beside the button that publishes: a retained message without a payload is kept by nobody,
// and takes away the one that its topic has. [MQTT-3.3.1-10]
import { Alert } from "antd";
import { useWords, words } from "../words/language";

const own = words(
  {
    clears: (topic: string) => `This clears the retained message of ${topic}`,
    topic: "the topic",
    help: "It is retained and has no payload: who subscribes from then on gets no retained message. Who is subscribed gets this one, empty.",
  },
  {
    clears: (topic: string) => `此操作会清除 ${topic} 的保留消息`,
    topic: "该主题",
    help: "消息设置了保留标志而载荷为空：此后的订阅者不会收到保留消息，现有订阅者会收到这条空消息。",
  },
);

interface Props {
  topic: unknown;
  isRetained: boolean;
  isEmpty: boolean; // its payload
}

export function ClearsRetained({ topic, isRetained, isEmpty }: Props) {
  const word = useWords(own);
  if (!isRetained || !isEmpty) return null;
  const named = typeof topic === "string" && topic ? topic : word.topic;
  return <Alert className="problem" type="warning" showIcon message={word.clears(named)} description={word.help} />;
}
