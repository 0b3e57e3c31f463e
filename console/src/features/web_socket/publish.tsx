import { Button, Card, Checkbox, Collapse, Form, Input, List as Items, Select } from "antd";
import { useId, useState } from "react";
import type { FieldProblem } from "../../api/client";
import { useAction } from "../../components/action";
import { ClearsRetained } from "../../components/clears_retained";
import { fieldsOf, ProblemAlert, useFirstWrong } from "../../components/problem";
import type { Document } from "../../components/schema_form/schema_form";
import { wrongAt } from "../../components/schema_form/wrong";
import { common } from "../../words/common";
import { useWords } from "../../words/language";
import { refuse } from "./check";
import type { Connection } from "./connection";
import { Folded } from "./folded";
import { published, rememberPublished } from "./memory";
import { bytesIn, hasProperties, messageLabels } from "./properties";
import { optionsOf, publishProblems, publishSchema } from "./publish_form";
import { own } from "./words";

interface Part {
  value: Document;
  write: (change: Document) => void;
  problems: FieldProblem[];
}

const textOf = ({ value }: Part, name: string) => String(value[name] ?? "");

function Message(part: Part) {
  const word = useWords(own);
  const id = useId();
  const { value, write, problems } = part;
  const wrongQos = wrongAt(problems, "/qos");
  return (
    <>
      <Form.Item label={word.topic} htmlFor={`${id}-topic`} required {...wrongAt(problems, "/topic")}>
        <Input
          id={`${id}-topic`}
          spellCheck={false}
          value={textOf(part, "topic")}
          onChange={(event) => write({ topic: event.target.value })}
        />
      </Form.Item>
      <Form.Item label={word.payload} htmlFor={`${id}-payload`} {...wrongAt(problems, "/payload")}>
        <Input.TextArea
          id={`${id}-payload`}
          className="code"
          spellCheck={false}
          rows={3}
          value={textOf(part, "payload")}
          onChange={(event) => write({ payload: event.target.value })}
        />
      </Form.Item>
      <div className="fields gap">
        <Form.Item {...wrongQos} noStyle={!("help" in wrongQos)}>
          <Select
            aria-label="QoS"
            value={Number(value.qos ?? 0)}
            options={[0, 1, 2].map((qos) => ({ value: qos, label: `QoS ${qos}` }))}
            onChange={(qos) => write({ qos })}
          />
        </Form.Item>
        <Checkbox checked={value.retain === true} onChange={(event) => write({ retain: event.target.checked })}>
          {word.retain}
        </Checkbox>
        <Checkbox checked={value.is_hex === true} onChange={(event) => write({ is_hex: event.target.checked })}>
          {word.isHex}
        </Checkbox>
      </div>
    </>
  );
}

function Before({ all, onChoose }: { all: Document[]; onChoose: (document: Document) => void }) {
  const word = useWords(own);
  const list = (
    <Items
      size="small"
      dataSource={all}
      locale={{ emptyText: word.noHistory }}
      renderItem={(document) => (
        <Items.Item>
          <button type="button" className="choice wide" onClick={() => onChoose(document)}>
            <code>{String(document.topic)}</code>
            <span className="quiet">{String(document.payload ?? "").slice(0, 120)}</span>
          </button>
        </Items.Item>
      )}
    />
  );
  return <Collapse ghost items={[{ key: "history", label: word.history, children: list }]} />;
}

export function Publish({ connection }: { connection: Connection }) {
  const word = useWords(own);
  const all = useWords(common);
  const act = useAction();
  const [value, setValue] = useState<Document>({ topic: "test", payload: '{"value": 1}', qos: 1 });
  const [error, setError] = useState<unknown>();
  const [before, setBefore] = useState(published);
  const isFive = hasProperties(connection.settings);
  const problems = fieldsOf(error);
  useFirstWrong(error);
  const part: Part = { value, problems, write: (change) => setValue((known) => ({ ...known, ...change })) };
  const send = async (document: Document) => {
    setError(undefined);
    const topic = String(document.topic ?? "");
    const payload = bytesIn(String(document.payload ?? ""), document.is_hex === true);
    try {
      refuse(publishProblems(document, connection, word), all.problems);
      await connection.publish(topic, payload!, optionsOf(document, isFive));
      setBefore(rememberPublished(document));
      await act(async () => undefined, word.published(topic || connection.topicOf(document.topic_alias)));
    } catch (refused) {
      setError(refused);
    }
  };
  return (
    <Card size="small" title={word.publish} className="gap">
      <ProblemAlert error={error} shown={problems.map(({ pointer }) => pointer)} />
      <Form layout="vertical" onFinish={() => void send(value)}>
        <Message {...part} />
        {isFive && (
          <Folded
            label={word.properties}
            schema={publishSchema(word)}
            labels={{ ...messageLabels(word), topic_alias: word.topicAlias }}
            value={value}
            onChange={setValue}
            problems={problems}
          />
        )}
        <ClearsRetained
          topic={value.topic}
          isRetained={value.retain === true}
          isEmpty={bytesIn(textOf(part, "payload"), value.is_hex === true)?.length === 0}
        />
        <Button type="primary" htmlType="submit" disabled={connection.status !== "connected"}>
          {word.publish}
        </Button>
      </Form>
      <Before all={before} onChoose={setValue} />
    </Card>
  );
}
