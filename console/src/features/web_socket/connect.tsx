import { Alert, Button, Card, Form, Space } from "antd";
import { useState } from "react";
import type { Schema } from "../../components/schema_form/schema";
import { SchemaForm, type Document } from "../../components/schema_form/schema_form";
import { useWords } from "../../words/language";
import { Code } from "../../components/code";
import type { Connection, Settings } from "./connection";
import { own } from "./words";

export function yamlOf(origin: string) {
  return `listeners:\n  ws: { enabled: true, origins: ["${origin}"] }\n`;
}

function useSchema(): Schema {
  const word = useWords(own);
  return {
    type: "object",
    required: ["url", "client_id"],
    properties: {
      url: { type: "string", description: word.urlHelp },
      client_id: { type: "string" },
      username: { type: "string" },
      password: { type: "string", writeOnly: true, description: word.passwordHelp },
      version: { enum: ["5.0", "3.1.1"], default: "5.0" },
      clean_start: { type: "boolean", default: true },
      keep_alive: { type: "integer", default: 60 },
      session_expiry: { type: "integer", default: 0 },
      receive_maximum: { type: "integer" },
      user_properties: { type: "object", additionalProperties: { type: "string" } },
      will: {
        type: "object",
        properties: {
          topic: { type: "string" },
          payload: { type: "string" },
          qos: { enum: [0, 1, 2], default: 0 },
          retain: { type: "boolean", default: false },
        },
      },
    },
  };
}

interface Props {
  connection: Connection;
  onChange: () => void; // the settings are others
  onForget: () => void;
}

export function Connect({ connection, onChange, onForget }: Props) {
  const word = useWords(own);
  const schema = useSchema();
  const [value, setValue] = useState<Document>({ ...connection.settings });
  const { problem } = connection;
  const connect = () => {
    connection.settings = value as unknown as Settings;
    onChange();
    void connection.connect();
  };
  const labels = {
    url: word.url,
    client_id: word.clientId,
    username: word.username,
    password: word.password,
    version: word.version,
    clean_start: word.cleanStart,
    keep_alive: word.keepAlive,
    session_expiry: word.sessionExpiry,
    receive_maximum: word.receiveMaximum,
    user_properties: word.userProperties,
    will: word.will,
  };
  return (
    <Card className="narrow">
      {problem && (
        <Alert
          className="problem"
          type="error"
          showIcon
          role="alert"
          message={problem === "unreachable" ? word.unreachable : word.because(problem)}
          description={
            problem === "unreachable" && (
              <>
                <p>{word.originHelp}</p>
                <Code>{yamlOf(window.location.origin)}</Code>
              </>
            )
          }
        />
      )}
      <Form layout="vertical" onFinish={connect} autoComplete="off">
        <SchemaForm schema={schema} value={value} onChange={setValue} labels={labels} first={3} />
        <Space>
          <Button type="primary" htmlType="submit" loading={connection.status === "connecting"}>
            {word.connect}
          </Button>
          <Button onClick={onForget}>{word.forget}</Button>
        </Space>
      </Form>
    </Card>
  );
}
