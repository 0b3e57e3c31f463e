import { Alert, Badge, Button, Collapse, Space, Tabs } from "antd";
import { PlusOutlined } from "@ant-design/icons";
import { useState, type ReactNode } from "react";
import { useGet } from "../../api/live";
import { Code } from "../../components/code";
import { Page } from "../../components/page";
import { useWords } from "../../words/language";
import { Connect, yamlOf } from "./connect";
import { Connection, type Properties, type Settings, type Status } from "./connection";
import { knownConnections, rememberConnections } from "./memory";
import { Publish } from "./publish";
import { readable } from "./shown";
import { useSignal } from "./signal";
import { Stream } from "./stream";
import { Subscriptions } from "./subscriptions";
import { own } from "./words";

interface Setting {
  name: string;
  value: unknown;
}

// They outlive the page: what is connected stays so while another page is shown.
let connections: Connection[] = [];

// Where this page's browser finds the listener, as far as the settings say.
export function addressOf(settings: Setting[], host: string) {
  const value = (name: string) => settings.find((setting) => setting.name === name)?.value;
  for (const { name, value: type } of settings) {
    const [, listener] = /^listeners\.([^.]+)\.type$/.exec(name) ?? [];
    if (!listener || (type !== "ws" && type !== "wss") || value(`listeners.${listener}.enabled`) === false) continue;
    const port = String(value(`listeners.${listener}.bind`)).split(":").at(-1);
    return `${type}://${host}:${port}${String(value(`listeners.${listener}.path`) ?? "/mqtt")}`;
  }
  return undefined;
}

const badges: Record<Status, "success" | "processing" | "warning" | "default"> = {
  connected: "success",
  connecting: "processing",
  waiting: "warning",
  disconnected: "default",
};

// The server's limits, and the response information that was asked for.
function Answer({ properties }: { properties: Properties }) {
  const word = useWords(own);
  if (Object.keys(properties).length === 0) return null;
  const text = <Code label={word.answered}>{JSON.stringify(properties, readable, 2)}</Code>;
  return <Collapse ghost className="gap" items={[{ key: "answer", label: word.answered, children: text }]} />;
}

function Open({ connection }: { connection: Connection }) {
  const word = useWords(own);
  return (
    <>
      <Space className="gap" wrap>
        <Badge status={badges[connection.status]} text={word[connection.status]} />
        <code>{connection.settings.url}</code>
        {connection.problem && <span className="quiet">{word.because(connection.problem)}</span>}
        <Button onClick={() => connection.disconnect()}>{word.disconnect}</Button>
      </Space>
      <Answer properties={connection.answer} />
      <div className="client">
        <div>
          <Subscriptions connection={connection} />
          <Publish connection={connection} />
        </div>
        <Stream connection={connection} />
      </div>
    </>
  );
}

function One({ connection, ...props }: { connection: Connection; onChange: () => void; onForget: () => void }) {
  useSignal(connection.state);
  const isOpen = connection.status === "connected" || connection.status === "waiting";
  return isOpen ? <Open connection={connection} /> : <Connect connection={connection} {...props} />;
}

function randomId() {
  return `console-${crypto.getRandomValues(new Uint32Array(1))[0]!.toString(36)}`;
}

function Connections({ standard, children }: { standard: string; children: ReactNode }) {
  const word = useWords(own);
  const [, show] = useState(0);
  const changed = () => {
    rememberConnections(connections.map(({ settings }) => settings));
    show((count) => count + 1);
  };
  const add = (settings: Settings) => connections.push(new Connection(settings));
  const fresh = (): Settings => ({ url: standard, client_id: randomId() });
  if (connections.length === 0) knownConnections().forEach(add);
  if (connections.length === 0) add(fresh());
  const [active, setActive] = useState(() => connections[0]!.settings.client_id);
  const forget = (connection: Connection) => {
    connection.disconnect();
    connections = connections.filter((other) => other !== connection);
    if (connections.length === 0) add(fresh());
    setActive(connections[0]!.settings.client_id);
    changed();
  };
  const create = () => {
    const settings = fresh();
    add(settings);
    setActive(settings.client_id);
    changed();
  };
  const isThere = connections.some(({ settings }) => settings.client_id === active);
  const more = (
    <Button icon={<PlusOutlined />} onClick={create}>
      {word.newConnection}
    </Button>
  );
  return (
    <Page title={word.title} help={word.help} actions={more}>
      {children}
      <Tabs
        activeKey={isThere ? active : connections[0]!.settings.client_id}
        onChange={setActive}
        items={connections.map((connection) => ({
          key: connection.settings.client_id,
          label: <Label connection={connection} />,
          children: (
            <One
              connection={connection}
              onChange={() => {
                setActive(connection.settings.client_id);
                changed();
              }}
              onForget={() => forget(connection)}
            />
          ),
        }))}
      />
    </Page>
  );
}

function Label({ connection }: { connection: Connection }) {
  useSignal(connection.state);
  return <Badge status={badges[connection.status]} text={connection.settings.client_id} />;
}

export default function WebSocketClient() {
  const word = useWords(own);
  const settings = useGet<{ items: Setting[] }>("/settings");
  const host = window.location.hostname;
  const address = addressOf(settings.data?.items ?? [], host);
  if (!settings.data) return <Page title={word.title} error={settings.error} isLoading={settings.isPending} />;
  return (
    <Connections standard={address ?? `ws://${host}:8083/mqtt`}>
      {!address && (
        <Alert
          className="problem"
          type="warning"
          showIcon
          message={word.noListener}
          description={
            <>
              <p>{word.listenerHelp}</p>
              <Code>{yamlOf(window.location.origin)}</Code>
            </>
          }
        />
      )}
    </Connections>
  );
}
