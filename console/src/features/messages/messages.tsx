import { Button, Card, Drawer, Input, Tag } from "antd";
import { useId, useState } from "react";
import { Link, useNavigate } from "react-router-dom";
import { api, type Query } from "../../api/client";
import { schemaOf } from "../../api/documents";
import { useMay } from "../../api/session";
import { useAction } from "../../components/action";
import { ClearsRetained } from "../../components/clears_retained";
import { Entry, focusFirst } from "../../components/entry";
import { number, rate, time } from "../../components/format";
import { List } from "../../components/list";
import { Page } from "../../components/page";
import { Payload } from "../../components/payload";
import { fieldsOf, ProblemAlert, useFirstWrong } from "../../components/problem";
import { pointersOf, SchemaForm, type Document } from "../../components/schema_form/schema_form";
import { TimeRange } from "../../components/time_range";
import { useLanguage, useWords } from "../../words/language";
import type { Message } from "./message_type";
import { own } from "./words";

export function Publish() {
  const word = useWords(own);
  const act = useAction();
  const mayAct = useMay("operator");
  const [isOpen, setOpen] = useState(false);
  const [value, setValue] = useState<Document>({ topic: "", payload: "" });
  const [error, setError] = useState<unknown>();
  const form = useId();
  const schema = schemaOf("publishMessage");
  const problems = fieldsOf(error);
  useFirstWrong(error);
  const publish = async () => {
    setError(undefined);
    try {
      const { id } = await api.post<{ id: string }>("/messages", { body: value });
      await act(async () => undefined, word.published(id));
    } catch (refused) {
      setError(refused);
    }
  };
  if (!mayAct) return null;
  return (
    <>
      <Button type="primary" onClick={() => setOpen(true)}>
        {word.publish}
      </Button>
      <Drawer
        title={word.publish}
        open={isOpen}
        width={Math.min(560, window.innerWidth)}
        onClose={() => setOpen(false)}
        afterOpenChange={(is) => is && focusFirst(form)}
        footer={
          <>
            <ClearsRetained
              topic={value.topic}
              isRetained={value.retain === true}
              isEmpty={!value.payload && !value.payload_base64}
            />
            <Button type="primary" htmlType="submit" form={form}>
              {word.publish}
            </Button>
          </>
        }
      >
        <Entry id={form} onSubmit={publish}>
          <p className="quiet">{word.publishHelp}</p>
          <ProblemAlert error={error} shown={pointersOf(schema, problems)} />
          <SchemaForm schema={schema} value={value} onChange={setValue} problems={problems} first={5} />
        </Entry>
      </Drawer>
    </>
  );
}

interface Topic {
  topic: string;
  messages: number;
  payload_bytes: number;
  per_second: number;
  last: string;
}

export function Topics() {
  const word = useWords(own);
  const language = useLanguage();
  return (
    <Page title={word.topics} help={word.topicsHelp}>
      <List<Topic>
        path="/topics"
        isAddressed
        rowKey="topic"
        empty={<p>{word.empty}</p>}
        filters={[
          { name: "filter", label: word.filter, isWhole: false },
          { name: "depth", label: word.depth, options: ["1", "2", "3", "4"] },
        ]}
        columns={[
          {
            title: word.topic,
            render: (_, { topic }) => (
              <Link to={`/messages?filter=${encodeURIComponent(`${topic}/#`)}`}>
                <code>{topic}</code>
              </Link>
            ),
          },
          { title: word.messages, align: "right", render: (_, row) => number(row.messages, language) },
          { title: word.perSecond, align: "right", render: (_, row) => rate(row.per_second, language) },
          { title: word.size, align: "right", render: (_, row) => number(row.payload_bytes, language) },
          { title: word.last, render: (_, row) => time(row.last, language) },
        ]}
      />
    </Page>
  );
}

function ById() {
  const word = useWords(own);
  const navigate = useNavigate();
  return (
    <Input.Search
      className="by-id"
      placeholder={word.byId}
      aria-label={word.byId}
      enterButton={word.open}
      onSearch={(id) => id.trim() && navigate(`/messages/${encodeURIComponent(id.trim())}`)}
    />
  );
}

export function Messages() {
  const word = useWords(own);
  const language = useLanguage();
  const [range, setRange] = useState<Query>({});
  return (
    <Page title={word.title} help={word.help} actions={<Publish />}>
      <Card size="small" className="gap">
        <div className="query">
          <ById />
          <TimeRange labels={[word.from, word.to]} onChange={setRange} />
        </div>
      </Card>
      <List<Message>
        path="/messages"
        query={range}
        isAddressed
        empty={<p>{word.empty}</p>}
        filters={[
          { name: "filter", label: word.filter, isWhole: false },
          { name: "order", label: word.order, options: ["newest", "oldest"] },
        ]}
        expanded={({ payload_base64, truncated }) => <Payload base64={payload_base64} isCut={truncated} />}
        columns={[
          {
            title: word.time,
            render: (_, { id, timestamp }) => <Link to={`/messages/${id}`}>{time(timestamp, language)}</Link>,
          },
          { title: word.topic, render: (_, { topic }) => <code>{topic}</code> },
          { title: word.publisher, dataIndex: "client_id" },
          { title: word.qos, dataIndex: "qos" },
          {
            key: "flags",
            render: (_, { retain, dup }) => (
              <>
                {retain && <Tag>{word.retained}</Tag>}
                {dup && <Tag>{word.duplicate}</Tag>}
              </>
            ),
          },
          { title: word.size, align: "right", render: (_, row) => number(row.payload_bytes, language) },
        ]}
      />
    </Page>
  );
}
