import { Button, Card, Checkbox, Collapse, Form, Input, List as Items, Select } from "antd";
import type { IClientPublishOptions } from "mqtt";
import { useId, useState } from "react";
import { useAction } from "../../components/action";
import { ClearsRetained } from "../../components/clears_retained";
import { ProblemAlert } from "../../components/problem";
import type { Schema } from "../../components/schema_form/schema";
import { SchemaForm, type Document } from "../../components/schema_form/schema_form";
import { useWords } from "../../words/language";
import { bytesIn, defined, type Connection } from "./connection";
import { published, rememberPublished } from "./memory";
import { own } from "./words";

const properties: Schema["properties"] = {
  content_type: { type: "string" },
  user_properties: { type: "object", additionalProperties: { type: "string" } },
  message_expiry: { type: "integer" },
  response_topic: { type: "string" },
  correlation_data: { type: "string" },
  payload_is_text: { type: "boolean", default: false },
  topic_alias: { type: "integer" },
};

// What an MQTT client sends for this document.
export function optionsOf(document: Document, isFive: boolean): IClientPublishOptions {
  const options: IClientPublishOptions = {
    qos: (document.qos ?? 0) as 0 | 1 | 2,
    retain: document.retain === true,
  };
  if (!isFive) return options;
  const correlation = document.correlation_data as string | undefined;
  const given = defined({
    contentType: document.content_type as string | undefined,
    userProperties: document.user_properties as Record<string, string> | undefined,
    messageExpiryInterval: document.message_expiry as number | undefined,
    responseTopic: document.response_topic as string | undefined,
    correlationData: correlation === undefined ? undefined : (bytesIn(correlation, false) as never),
    payloadFormatIndicator: document.payload_is_text === true ? true : undefined,
    topicAlias: document.topic_alias as number | undefined,
  });
  if (Object.keys(given).length > 0) options.properties = given;
  return options;
}

export function Publish({ connection }: { connection: Connection }) {
  const word = useWords(own);
  const act = useAction();
  const [value, setValue] = useState<Document>({ topic: "test", payload: '{"value": 1}', qos: 1 });
  const [error, setError] = useState<unknown>();
  const [before, setBefore] = useState(published);
  const id = useId();
  const isFive = connection.settings.version !== "3.1.1";
  const text = (name: string) => String(value[name] ?? "");
  const write = (change: Document) => setValue((known) => ({ ...known, ...change }));
  const labels = {
    content_type: word.contentType,
    user_properties: word.userProperties,
    message_expiry: word.messageExpiry,
    response_topic: word.responseTopic,
    correlation_data: word.correlation,
    payload_is_text: word.payloadIsText,
    topic_alias: word.topicAlias,
  };
  const send = async (document: Document) => {
    setError(undefined);
    const topic = String(document.topic ?? "");
    try {
      const payload = bytesIn(String(document.payload ?? ""), document.is_hex === true);
      if (!payload) throw new Error(word.notHex);
      await connection.publish(topic, payload, optionsOf(document, isFive));
      setBefore(rememberPublished(document));
      await act(async () => undefined, word.published(topic));
    } catch (refused) {
      setError(refused);
    }
  };
  return (
    <Card size="small" title={word.publish} className="gap">
      <ProblemAlert error={error} />
      <Form layout="vertical" onFinish={() => void send(value)}>
        <Form.Item label={word.topic} htmlFor={`${id}-topic`} required>
          <Input
            id={`${id}-topic`}
            spellCheck={false}
            value={text("topic")}
            onChange={(event) => write({ topic: event.target.value })}
          />
        </Form.Item>
        <Form.Item label={word.payload} htmlFor={`${id}-payload`}>
          <Input.TextArea
            id={`${id}-payload`}
            className="code"
            spellCheck={false}
            rows={3}
            value={text("payload")}
            onChange={(event) => write({ payload: event.target.value })}
          />
        </Form.Item>
        <div className="fields gap">
          <Select
            aria-label="QoS"
            value={Number(value.qos ?? 0)}
            options={[0, 1, 2].map((qos) => ({ value: qos, label: `QoS ${qos}` }))}
            onChange={(qos) => write({ qos })}
          />
          <Checkbox checked={value.retain === true} onChange={(event) => write({ retain: event.target.checked })}>
            {word.retain}
          </Checkbox>
          <Checkbox checked={value.is_hex === true} onChange={(event) => write({ is_hex: event.target.checked })}>
            {word.isHex}
          </Checkbox>
        </div>
        {isFive && (
          <Collapse
            ghost
            items={[
              {
                key: "properties",
                label: word.properties,
                children: (
                  <SchemaForm
                    schema={{ type: "object", properties }}
                    value={value}
                    onChange={setValue}
                    labels={labels}
                    first={9}
                  />
                ),
              },
            ]}
          />
        )}
        <ClearsRetained
          topic={value.topic}
          isRetained={value.retain === true}
          isEmpty={bytesIn(text("payload"), value.is_hex === true)?.length === 0}
        />
        <Button type="primary" htmlType="submit" disabled={connection.status !== "connected"}>
          {word.publish}
        </Button>
      </Form>
      <Collapse
        ghost
        items={[
          {
            key: "history",
            label: word.history,
            children: (
              <Items
                size="small"
                dataSource={before}
                locale={{ emptyText: word.noHistory }}
                renderItem={(document) => (
                  <Items.Item>
                    <button type="button" className="choice wide" onClick={() => setValue(document)}>
                      <code>{String(document.topic)}</code>
                      <span className="quiet">{String(document.payload ?? "").slice(0, 120)}</span>
                    </button>
                  </Items.Item>
                )}
              />
            ),
          },
        ]}
      />
    </Card>
  );
}
