// What a client published, was sent and acknowledged: of messages that are traced.
import { Button, Card, Tag } from "antd";
import { Link } from "react-router-dom";
import { api } from "../../api/client";
import { useLive } from "../../api/live";
import { useMay } from "../../api/session";
import { useAction } from "../../components/action";
import { time } from "../../components/format";
import { List } from "../../components/list";
import { useLanguage, useWords } from "../../words/language";
import { valueWord } from "../../words/values";
import { own } from "./words";

interface Step {
  id: string; // two may say the same: a message that two subscriptions bring within a millisecond
  time: string;
  event: string;
  qos: number;
  message_id: string;
  topic: string | null; // retention has deleted it
}

interface Tracing {
  filters: string[];
  client_ids: string[];
  one_in: number;
}

const colours: Record<string, string> = { received: "blue", sent: "green", sent_again: "orange" };

function Switch({ id }: { id: string }) {
  const word = useWords(own);
  const act = useAction();
  const tracing = useLive<Tracing>("/tracing").data;
  if (!useMay("operator") || !tracing) return null;
  const { filters, client_ids: ids, one_in } = tracing;
  const isTraced = ids.includes(id);
  const chosen = isTraced ? ids.filter((other) => other !== id) : [...ids, id];
  const change = () => act(() => api.put("/tracing", { body: { filters, client_ids: chosen, one_in } }));
  return (
    <Button size="small" onClick={change}>
      {isTraced ? word.traceNoMore : word.traceIt}
    </Button>
  );
}

export function Trace({ id }: { id: string }) {
  const word = useWords(own);
  const language = useLanguage();
  return (
    <Card title={word.trace} size="small" className="gap" extra={<Switch id={id} />}>
      <List<Step>
        path="/clients/{name}/trace"
        parts={{ name: id }}
        isLive
        empty={<p>{word.traceHelp}</p>}
        columns={[
          { title: word.time, render: (_, row) => time(row.time, language) },
          { title: word.event, render: (_, { event }) => <Tag color={colours[event]}>{valueWord(event, language)}</Tag> },
          { title: word.topic, render: (_, { topic }) => (topic === null ? word.gone : <code>{topic}</code>) },
          { title: word.qos, dataIndex: "qos" },
          {
            title: word.message,
            render: (_, { message_id: message }) => <Link to={`/messages/${message}`}>{message}</Link>,
          },
        ]}
      />
    </Card>
  );
}
