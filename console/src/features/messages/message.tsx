import { Card } from "antd";
import { useParams } from "react-router-dom";
import { useGet, useLive } from "../../api/live";
import { Code } from "../../components/code";
import { Figures } from "../../components/figures";
import { number, time } from "../../components/format";
import { Page } from "../../components/page";
import { Payload } from "../../components/payload";
import { ProblemAlert } from "../../components/problem";
import { useLanguage, useWords } from "../../words/language";
import type { Message, Trace } from "./message_type";
import { Progress, Times } from "./trace";
import { own } from "./words";

const shown = [
  "id", "timestamp", "topic", "qos", "retain", "dup", "client_id", "host", "username", "packet_id",
  "payload_bytes", "truncated", "payload", "payload_base64",
];

export function MessagePage() {
  const { id = "" } = useParams();
  const word = useWords(own);
  const language = useLanguage();
  const parts = { id };
  const query = useGet<Message>("/messages/{id}", { parts });
  const trace = useLive<Trace>("/messages/{id}/trace", { parts }, query.data !== undefined);
  const message = query.data;
  if (!message) return <Page title={word.message} error={query.error} isLoading={query.isPending} />;
  // Whatever properties it has, the named ones above aside.
  const properties = Object.fromEntries(
    Object.entries(message).filter(([name, value]) => !shown.includes(name) && value !== null),
  );
  return (
    <Page title={word.message} help={<code>{id}</code>}>
      <div className="two">
        <div>
          <Card size="small" title={message.topic} className="gap">
            <Figures
              rows={[
                [word.time, time(message.timestamp, language)],
                [word.publisher, message.client_id],
                [word.user, message.username ?? "–"],
                [word.host, message.host],
                [word.qos, message.qos],
                [word.size, number(message.payload_bytes, language)],
              ]}
            />
          </Card>
          <Card size="small" title={word.payload} className="gap">
            <Payload base64={message.payload_base64} isCut={message.truncated} />
          </Card>
          <Card size="small" title={word.properties}>
            <Code>{JSON.stringify(properties, null, 2)}</Code>
          </Card>
        </div>
        <Card size="small" title={word.trace}>
          <ProblemAlert error={trace.error} />
          {trace.data && (
            <>
              <Times trace={trace.data} />
              <h2>{word.progress}</h2>
              <Progress trace={trace.data} />
            </>
          )}
        </Card>
      </div>
    </Page>
  );
}
