import { Button, Checkbox, Collapse, Form, Input, InputNumber, Select } from "antd";
import type { IClientPublishOptions } from "mqtt";
import { Field } from "../../components/schema_form/field";
import { useWords } from "../../words/language";
import { own } from "./words";

export interface Given {
  topic: string;
  payload?: string;
  qos: 0 | 1 | 2;
  retain?: boolean;
  contentType?: string;
  responseTopic?: string;
  correlation?: string;
  expiry?: number;
  userProperties?: Record<string, string>;
}

const pairs = { type: "object", additionalProperties: { type: "string" } };

// Only what was given: an empty property is one, too.
export function optionsOf(given: Given, version: 4 | 5): IClientPublishOptions {
  const { qos, retain, contentType, responseTopic, correlation, expiry, userProperties } = given;
  if (version === 4) return { qos, retain };
  const properties: NonNullable<IClientPublishOptions["properties"]> = {};
  if (contentType) properties.contentType = contentType;
  if (responseTopic) properties.responseTopic = responseTopic;
  if (correlation) properties.correlationData = new TextEncoder().encode(correlation) as never;
  if (expiry !== undefined && expiry !== null) properties.messageExpiryInterval = expiry;
  if (userProperties) properties.userProperties = userProperties;
  return { qos, retain, properties };
}

interface Props {
  name: string;
  version: 4 | 5;
  isEnabled: boolean;
  onPublish: (given: Given) => void;
}

export function PublishForm({ name, version, isEnabled, onPublish }: Props) {
  const word = useWords(own);
  const more = (
    <>
      <Form.Item name="contentType" label={word.contentType}>
        <Input />
      </Form.Item>
      <Form.Item name="responseTopic" label={word.responseTopic}>
        <Input />
      </Form.Item>
      <Form.Item name="correlation" label={word.correlation}>
        <Input />
      </Form.Item>
      <Form.Item name="expiry" label={word.expiry}>
        <InputNumber min={0} max={4294967295} />
      </Form.Item>
      <Form.Item name="userProperties" label={word.userProperties}>
        <PairsInput />
      </Form.Item>
    </>
  );
  return (
    <Form<Given>
      name={name}
      layout="vertical"
      initialValues={{ qos: 1 }}
      onFinish={onPublish}
      disabled={!isEnabled}
    >
      <Form.Item name="topic" label={word.topic} rules={[{ required: true, message: "" }]}>
        <Input />
      </Form.Item>
      <Form.Item name="payload" label={word.payload}>
        <Input.TextArea className="code" autoSize={{ minRows: 2, maxRows: 8 }} />
      </Form.Item>
      <div className="query">
        <Form.Item name="qos" label={word.qos}>
          <Select options={[0, 1, 2].map((qos) => ({ value: qos, label: qos }))} />
        </Form.Item>
        <Form.Item name="retain" valuePropName="checked" label=" " colon={false}>
          <Checkbox>{word.retain}</Checkbox>
        </Form.Item>
      </div>
      {version === 5 && <Collapse ghost items={[{ key: "more", label: word.properties, children: more }]} />}
      <Button type="primary" htmlType="submit">
        {word.publish}
      </Button>
    </Form>
  );
}

function PairsInput({ id, value, onChange }: { id?: string; value?: unknown; onChange?: (value: unknown) => void }) {
  return <Field id={id ?? "pairs"} schema={pairs} value={value} onChange={(next) => onChange?.(next)} />;
}
