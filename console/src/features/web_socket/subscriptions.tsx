import { Button, Card, Checkbox, Form, Input, Select, Table, Tag, type FormItemProps } from "antd";
import { useState } from "react";
import { fieldsOf, ProblemAlert, useFirstWrong } from "../../components/problem";
import type { Schema } from "../../components/schema_form/schema";
import { pointersOf, type Document } from "../../components/schema_form/schema_form";
import { common } from "../../words/common";
import { useWords } from "../../words/language";
import { problemsOf, refuse, type Word } from "./check";
import type { Connection, Subscribed } from "./connection";
import { Folded } from "./folded";
import { defined, hasProperties, numberOf, rows, userPropertiesOf, whole } from "./properties";
import { own } from "./words";

const mostIdentifier = 268_435_455; // what a variable byte integer holds

function schemaOf(word: Word): Schema {
  return {
    type: "object",
    properties: {
      subscription_identifier: { ...whole(1, mostIdentifier), description: word.subscriptionIdentifierHelp },
      user_properties: rows(word.userPropertiesHelp),
    },
  };
}

// The server ends the connection over a shared subscription without own messages, again after each reconnect.
function filterRules(word: Word): FormItemProps["rules"] {
  return [
    { required: true, message: "" },
    ({ getFieldValue }) => ({
      validator: (_, filter = "") =>
        getFieldValue("nl") && String(filter).startsWith("$share/")
          ? Promise.reject(new Error(word.noLocalShared))
          : Promise.resolve(),
    }),
  ];
}

// Undefined where there is none.
function propertiesOf(document: Document) {
  const given = defined({
    subscriptionIdentifier: numberOf(document.subscription_identifier),
    userProperties: userPropertiesOf(document.user_properties),
  });
  return Object.keys(given).length > 0 ? given : undefined;
}

interface Given {
  filter: string;
  qos: 0 | 1 | 2;
  nl: boolean;
  rap: boolean;
  rh: 0 | 1 | 2;
}

export function Subscriptions({ connection }: { connection: Connection }) {
  const word = useWords(own);
  const all = useWords(common);
  const [error, setError] = useState<unknown>();
  const [more, setMore] = useState<Document>({});
  const problems = fieldsOf(error);
  useFirstWrong(error);
  const isConnected = connection.status === "connected";
  const isFive = hasProperties(connection.settings);
  const attempt = async (work: () => Promise<void>) => {
    setError(undefined);
    try {
      await work();
    } catch (refused) {
      setError(refused);
    }
  };
  const subscribe = ({ filter, qos, nl, rap, rh }: Given) =>
    attempt(async () => {
      if (!isFive) return connection.subscribe(filter, { qos });
      refuse(problemsOf(schemaOf(word), more, word), all.problems);
      return connection.subscribe(filter, { qos, nl, rap, rh, properties: propertiesOf(more) });
    });
  return (
    <Card size="small" title={word.subscriptions} className="gap">
      <ProblemAlert error={error} shown={pointersOf(schemaOf(word), problems)} />
      <Form<Given>
        layout="vertical"
        initialValues={{ filter: "#", qos: 1, nl: false, rap: false, rh: 0 }}
        disabled={!isConnected}
        onFinish={(given) => void subscribe(given)}
      >
        <div className="fields">
          <Form.Item name="filter" label={word.filter} rules={filterRules(word)} dependencies={["nl"]} className="grow">
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
        {isFive && (
          <Folded
            label={word.subscribeProperties}
            schema={schemaOf(word)}
            labels={{ subscription_identifier: word.subscriptionIdentifier, user_properties: word.userProperties }}
            value={more}
            onChange={setMore}
            problems={problems}
          />
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
          {
            title: word.filter,
            render: (_, { filter, identifier }) => (
              <>
                <code>{filter}</code> {identifier !== undefined && <Tag title={word.subscriptionIdentifier}>{identifier}</Tag>}
              </>
            ),
          },
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
