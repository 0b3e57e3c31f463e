// MQTT clients in this browser: several at once, each in its tab.
import { Alert, Badge, Button, Card, Checkbox, Form, Input, InputNumber, Select, Tabs, Tag, App } from "antd";
import { useState } from "react";
import { useGet } from "../../api/live";
import type { Page as ListPage } from "../../api/client";
import { Code } from "../../components/code";
import { number } from "../../components/format";
import { Page } from "../../components/page";
import { hexOf, jsonIn, textIn } from "../../components/payload";
import { useLanguage, useWords } from "../../words/language";
import { optionsOf, PublishForm, type Given } from "./publish_form";
import type { Shown } from "./stream";
import { useClient, type Wanted } from "./use_client";
import { own } from "./words";

// Where this server listens for WebSocket, as its settings have it.
function useAddress() {
  const settings = useGet<ListPage<{ name: string; value: unknown }>>("/settings");
  const values = new Map(settings.data?.items.map(({ name, value }) => [name, value]));
  const isEncrypted = window.location.protocol === "https:";
  const listener = isEncrypted ? "wss" : "ws";
  const port = String(values.get(`listeners.${listener}.bind`) ?? "").split(":").pop();
  const path = String(values.get(`listeners.${listener}.path`) ?? "/mqtt");
  return {
    isKnown: settings.data !== undefined || settings.error !== null,
    listener,
    url: `${listener}://${window.location.hostname}:${port || (isEncrypted ? 8084 : 8083)}${path}`,
  };
}

function Message({ message }: { message: Shown }) {
  const text = textIn(message.payload);
  const properties = message.properties && Object.keys(message.properties).length > 0;
  return (
    <li className="message">
      <div>
        <code>{message.topic}</code> <span className="quiet">QoS {message.qos}</span>{" "}
        {message.retain && <Tag>retain</Tag>}
        <span className="quiet">{new Date(message.at).toLocaleTimeString()}</span>
      </div>
      <pre>{jsonIn(text) ?? text ?? hexOf(message.payload)}</pre>
      {properties && <div className="quiet">{JSON.stringify(message.properties)}</div>}
    </li>
  );
}

function Trouble({ error, listener }: { error: string; listener: string }) {
  const word = useWords(own);
  const lines = `listeners:\n  ${listener}: { enabled: true, origins: ["${window.location.origin}"] }`;
  return (
    <Alert
      className="problem"
      type="error"
      showIcon
      message={error || word.closed}
      description={
        error === "" && (
          <>
            <p>{word.listenerHint}</p>
            <Code>{lines}</Code>
          </>
        )
      }
    />
  );
}

interface SubscribeGiven {
  filter: string;
  qos: 0 | 1 | 2;
}

function Connection({ url, listener, name }: { url: string; listener: string; name: string }) {
  const word = useWords(own);
  const language = useLanguage();
  const { message } = App.useApp();
  const client = useClient();
  const [version, setVersion] = useState<4 | 5>(5);
  const told = async (work: () => Promise<unknown>, done: string) => {
    try {
      await work();
      void message.success(done);
    } catch (refused) {
      void message.error(word.refused((refused as Error).message));
    }
  };
  const publish = (given: Given) =>
    told(
      () => client.publish(given.topic, given.payload ?? "", optionsOf(given, version)),
      given.qos === 0 ? word.sent : word.acknowledged,
    );
  const connect = (wanted: Wanted) => {
    setVersion(wanted.version);
    void client.connect(wanted);
  };
  const start: Partial<Wanted> = { url, clientId: name, version: 5, clean: true };
  return (
    <>
      {client.error !== undefined && !client.isConnected && !client.isBusy && (
        <Trouble error={client.error} listener={listener} />
      )}
      <div className="two">
        <div>
          <Card
            size="small"
            className="gap"
            title={word.connection}
            extra={
              <Badge
                status={client.isConnected ? "success" : "default"}
                text={client.isConnected ? word.connected : word.notConnected}
              />
            }
          >
            <Form<Wanted>
              name={`${name}-connect`}
              layout="vertical"
              initialValues={start}
              onFinish={connect}
              disabled={client.isConnected}
            >
              <Form.Item name="url" label={word.address} rules={[{ required: true, message: "" }]}>
                <Input />
              </Form.Item>
              <div className="half">
                <Form.Item name="clientId" label={word.clientId}>
                  <Input />
                </Form.Item>
                <Form.Item name="version" label={word.version}>
                  <Select
                    options={[
                      { value: 5, label: "MQTT 5" },
                      { value: 4, label: "MQTT 3.1.1" },
                    ]}
                  />
                </Form.Item>
                <Form.Item name="username" label={word.user}>
                  <Input autoComplete="off" />
                </Form.Item>
                <Form.Item name="password" label={word.password}>
                  <Input.Password autoComplete="new-password" />
                </Form.Item>
              </div>
              <Form.Item name="clean" valuePropName="checked">
                <Checkbox>{word.clean}</Checkbox>
              </Form.Item>
              {!client.isConnected && (
                <Button type="primary" htmlType="submit" loading={client.isBusy}>
                  {word.connect}
                </Button>
              )}
            </Form>
            {client.isConnected && <Button onClick={client.disconnect}>{word.disconnect}</Button>}
          </Card>
          <Card size="small" className="gap" title={word.subscribe}>
            <Form<SubscribeGiven>
              name={`${name}-subscribe`}
              layout="inline"
              initialValues={{ qos: 1 }}
              disabled={!client.isConnected}
              onFinish={({ filter, qos }) => told(() => client.subscribe(filter, qos), `${word.subscribe}: ${filter}`)}
            >
              <Form.Item name="filter" label={word.filter} rules={[{ required: true, message: "" }]}>
                <Input />
              </Form.Item>
              <Form.Item name="qos" label={word.qos}>
                <InputNumber min={0} max={2} />
              </Form.Item>
              <Button htmlType="submit">{word.subscribe}</Button>
            </Form>
          </Card>
          <Card size="small" title={word.publish}>
            <PublishForm name={`${name}-publish`} version={version} isEnabled={client.isConnected} onPublish={publish} />
          </Card>
        </div>
        <Card
          size="small"
          title={word.messages}
          extra={
            <>
              <span className="quiet">
                {word.kept(number(client.shown.length, language), number(client.total, language))}
              </span>{" "}
              <Button size="small" onClick={client.clear}>
                {word.clear}
              </Button>
            </>
          }
        >
          {client.shown.length === 0 && <p className="quiet">{word.quiet}</p>}
          <ul className="messages" aria-live="off">
            {client.shown.map((one) => (
              <Message key={one.number} message={one} />
            ))}
          </ul>
        </Card>
      </div>
    </>
  );
}

export default function WebSocketPage() {
  const word = useWords(own);
  const { isKnown, url, listener } = useAddress();
  const [tabs, setTabs] = useState(() => [newName()]);
  const [active, setActive] = useState(tabs[0]!);
  const add = () => {
    const name = newName();
    setTabs([...tabs, name]);
    setActive(name);
  };
  const remove = (name: string) => {
    const left = tabs.filter((one) => one !== name);
    setTabs(left);
    if (active === name) setActive(left.at(-1) ?? "");
  };
  const actions = (
    <>
      {tabs.length > 1 && <Button onClick={() => remove(active)}>{word.close(active)}</Button>}
      <Button onClick={add}>{word.another}</Button>
    </>
  );
  return (
    <Page title={word.title} help={word.help} isLoading={!isKnown} actions={actions}>
      <Tabs
        type="card"
        activeKey={active}
        onChange={setActive}
        items={tabs.map((name) => ({
          key: name,
          label: name,
          children: <Connection name={name} url={url} listener={listener} />,
        }))}
      />
    </Page>
  );
}

function newName() {
  return `console-${crypto.getRandomValues(new Uint32Array(1))[0]!.toString(36)}`;
}
