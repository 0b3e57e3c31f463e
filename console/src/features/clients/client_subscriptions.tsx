// What a client is subscribed to: there may be very many, so they come in pages.
import { Button, Card, Form, Input, InputNumber } from "antd";
import { useState } from "react";
import { api } from "../../api/client";
import { useMay } from "../../api/session";
import { useAction, useConfirm } from "../../components/action";
import { countOf } from "../../components/format";
import { List, type Columns } from "../../components/list";
import { fieldsOf, ProblemAlert, useFirstWrong } from "../../components/problem";
import { wrongAt } from "../../components/schema_form/wrong";
import { useLanguage, useWords } from "../../words/language";
import type { Subscription, Whole } from "./client_type";
import { own } from "./words";

export function Lines({ lines, lacksSome }: { lines: string[]; lacksSome?: boolean }) {
  const word = useWords(own);
  return (
    <>
      {lines.map((line, index) => (
        <div key={index}>
          <code>{line}</code>
        </div>
      ))}
      {lacksSome && word.leftOut}
    </>
  );
}

/** What the SUBSCRIBE said besides its filters. */
function Properties({ of: row }: { of: Subscription }) {
  const word = useWords(own);
  const lines = [
    ...(row.identifier ? [`${word.identifier} ${row.identifier}`] : []),
    ...(row.where ? [`$where: ${row.where}`] : []),
    ...(row.user_properties ?? []).map(({ name, value }) => `${name}: ${value}`),
  ];
  return <Lines lines={lines} lacksSome={row.user_properties_left_out} />;
}

interface Wanted {
  filter: string;
  qos: number;
}

// What is refused stands at its field, and what was typed stays.
export function Subscribe({ id }: { id: string }) {
  const word = useWords(own);
  const act = useAction();
  const [form] = Form.useForm<Wanted>();
  const [error, setError] = useState<unknown>();
  const problems = fieldsOf(error);
  useFirstWrong(error);
  const subscribe = async (body: Wanted) => {
    setError(undefined);
    try {
      await api.post("/clients/{name}/subscriptions", { parts: { name: id }, body });
      form.resetFields();
      await act(async () => undefined, word.subscribed);
    } catch (refused) {
      setError(refused);
    }
  };
  return (
    <>
      <ProblemAlert error={error} shown={["/filter", "/qos"]} />
      <Form form={form} layout="inline" className="below" initialValues={{ qos: 1 }} onFinish={subscribe}>
        <Form.Item name="filter" label={word.filter} rules={[{ required: true, message: "" }]} {...wrongAt(problems, "/filter")}>
          <Input />
        </Form.Item>
        <Form.Item name="qos" label={word.qos} {...wrongAt(problems, "/qos")}>
          <InputNumber min={0} max={2} />
        </Form.Item>
        <Button htmlType="submit">{word.subscribe}</Button>
      </Form>
    </>
  );
}

function useColumns(client: Whole): Columns<Subscription> {
  const word = useWords(own);
  const act = useAction();
  const confirm = useConfirm();
  const mayAct = useMay("operator");
  const language = useLanguage();
  const unsubscribe = async (filter: string) => {
    const content = word.unsubscribeText(filter, client.subscription_count - 1);
    if (await confirm({ title: word.unsubscribe, content, ok: word.unsubscribe }))
      await act(() => api.delete("/clients/{name}/subscriptions/{filter}", { parts: { name: client.client_id, filter } }));
  };
  return [
    { title: word.filter, render: (_, { filter }) => <code>{filter}</code> },
    { title: word.qos, dataIndex: "qos" },
    {
      title: word.options,
      render: (_, row) =>
        [row.no_local && word.noLocal, row.retain_as_published && word.asPublished]
          .filter(Boolean)
          .join(", "),
    },
    { title: word.properties, render: (_, row) => <Properties of={row} /> },
    { title: word.inFlight, align: "right", render: (_, row) => countOf(row.in_flight, row.in_flight_at_least, language) },
    { title: word.lag, align: "right", render: (_, row) => countOf(row.lag_messages, row.lag_at_least, language) },
    {
      key: "actions",
      align: "right",
      render: (_, { filter }) =>
        mayAct && (
          <Button size="small" danger onClick={() => unsubscribe(filter)}>
            {word.unsubscribe}
          </Button>
        ),
    },
  ];
}

export function ClientSubscriptions({ client }: { client: Whole }) {
  const word = useWords(own);
  const mayAct = useMay("operator");
  return (
    <Card title={word.subscriptions} size="small" className="gap">
      <List<Subscription>
        path="/clients/{name}/subscriptions"
        parts={{ name: client.client_id }}
        isLive
        rowKey="filter"
        empty={<p>{mayAct ? word.noSubscriptions : word.noSubscriptionsHere}</p>}
        columns={useColumns(client)}
      />
      {mayAct && <Subscribe id={client.client_id} />}
    </Card>
  );
}
