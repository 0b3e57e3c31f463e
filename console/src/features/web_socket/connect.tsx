import { Alert, Button, Card, Form, Space } from "antd";
import { useState } from "react";
import { fieldsOf, ProblemAlert, useFirstWrong } from "../../components/problem";
import { pointersOf, SchemaForm, type Document } from "../../components/schema_form/schema_form";
import { common } from "../../words/common";
import { useWords } from "../../words/language";
import { Code } from "../../components/code";
import { refuse } from "./check";
import { connectLabels, connectProblems, connectSchema } from "./connect_form";
import type { Connection, Settings } from "./connection";
import { hasProperties } from "./properties";
import { own } from "./words";

export function yamlOf(origin: string) {
  return `listeners:\n  ws: { enabled: true, origins: ["${origin}"] }\n`;
}

interface Props {
  connection: Connection;
  onChange: () => void; // the settings are others
  onForget: () => void;
}

export function Connect({ connection, onChange, onForget }: Props) {
  const word = useWords(own);
  const all = useWords(common);
  const [value, setValue] = useState<Document>({ ...connection.settings });
  const [error, setError] = useState<unknown>();
  const schema = connectSchema(word, hasProperties(value));
  const problems = fieldsOf(error);
  useFirstWrong(error);
  const { problem } = connection;
  const connect = () => {
    setError(undefined);
    try {
      refuse(connectProblems(value, word), all.problems);
    } catch (refused) {
      setError(refused);
      return;
    }
    connection.settings = value as unknown as Settings;
    onChange();
    void connection.connect();
  };
  return (
    <Card className="narrow">
      <ProblemAlert error={error} shown={pointersOf(schema, problems)} />
      {problem && !error && (
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
        <SchemaForm
          schema={schema}
          value={value}
          onChange={setValue}
          problems={problems}
          labels={connectLabels(word)}
          first={3}
        />
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
