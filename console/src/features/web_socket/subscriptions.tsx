import { Button, Card, Checkbox, Form, Input, Select, Table } from "antd";
import { useState } from "react";
import { ProblemAlert } from "../../components/problem";
import { useWords } from "../../words/language";
import type { Connection, Subscribed } from "./connection";
import { own } from "./words";

interface Given {
  filter: string;
  qos: 0 | 1 | 2;
  nl: boolean;
  rap: boolean;
  rh: 0 | 1 | 2;
}

export function Subscriptions({ connection }: { connection: Connection }) {
  const word = useWords(own);
  const [error, setError] = useState<unknown>();
  const isConnected = connection.status === "connected";
  const isFive = connection.settings.version !== "3.1.1";
  const attempt = async (work: () => Promise<void>) => {
    setError(undefined);
    try {
      await work();
    } catch (refused) {
      setError(refused);
    }
  };
  const subscribe = ({ filter, qos, nl, rap, rh }: Given) =>
    attempt(() => connection.subscribe(filter, isFive ? { qos, nl, rap, rh } : { qos }));
  return (
    <Card size="small" title={word.subscriptions} className="gap">
      <ProblemAlert error={error} />
      <Form<Given>
        layout="vertical"
        initialValues={{ filter: "#", qos: 1, nl: false, rap: false, rh: 0 }}
        disabled={!isConnected}
        onFinish={(given) => void subscribe(given)}
      >
        <div className="fields">
          <Form.Item name="filter" label={word.filter} rules={[{ required: true, message: "" }]} className="grow">
            <Input spellCheck={false} />
          </Form.Item>
          <Form.Item name="qos" label="QoS">
            <Select options={[0, 1, 2].map((value) => ({ value, label: value }))} />
          </Form.Item>
        </div>
        {isFive && (
          <div className="fields">
            <Form.Item name="nl" valuePropName="checked" noStyle>
              <Checkbox>{word.noLocal}</Checkbox>
            </Form.Item>
            <Form.Item name="rap" valuePropName="checked" noStyle>
              <Checkbox>{word.retainAsPublished}</Checkbox>
            </Form.Item>
            <Form.Item name="rh" label={word.retainHandling} className="grow">
              <Select
                options={[
                  { value: 0, label: word.retainHandlings0 },
                  { value: 1, label: word.retainHandlings1 },
                  { value: 2, label: word.retainHandlings2 },
                ]}
              />
            </Form.Item>
          </div>
        )}
        <Button type="primary" htmlType="submit">
          {word.subscribe}
        </Button>
      </Form>
      <Table<Subscribed>
        className="below"
        size="small"
        rowKey="filter"
        pagination={false}
        dataSource={[...connection.subscriptions.values()]}
        locale={{ emptyText: word.noSubscriptions }}
        columns={[
          { title: word.filter, render: (_, { filter }) => <code>{filter}</code> },
          { title: word.granted, dataIndex: "qos" },
          {
            key: "actions",
            align: "right",
            render: (_, { filter }) => (
              <Button
                size="small"
                disabled={!isConnected}
                aria-label={word.unsubscribeFrom(filter)}
                onClick={() => void attempt(() => connection.unsubscribe(filter))}
              >
                {word.unsubscribe}
              </Button>
            ),
          },
        ]}
      />
    </Card>
  );
}
