import { Button, Card } from "antd";
import { useNavigate, useParams } from "react-router-dom";
import { api } from "../../api/client";
import { useLive } from "../../api/live";
import { useMay } from "../../api/session";
import { useAction, useConfirm } from "../../components/action";
import { Code, pretty } from "../../components/code";
import { Figures } from "../../components/figures";
import { duration, number, time } from "../../components/format";
import { Page } from "../../components/page";
import { Status } from "../../components/status";
import { common } from "../../words/common";
import { useLanguage, useWords } from "../../words/language";
import { EventList } from "../events/events";
import { ClientSubscriptions, Lines } from "./client_subscriptions";
import type { Whole } from "./client_type";
import { Trace } from "./trace";
import { own } from "./words";

/** What the CONNECT of the client that is connected said, by the standard's names. */
function ConnectProperties({ of: client }: { of: Whole }) {
  const word = useWords(own);
  const { user_properties, user_properties_left_out, ...others } = client.connect_properties ?? {};
  const lines = [
    ...Object.entries(others).map(([name, value]) => `${name}: ${String(value)}`),
    ...(user_properties ?? []).map(({ name, value }) => `${name}: ${value}`),
  ];
  return (
    <>
      {lines.length === 0 && word.none}
      <Lines lines={lines} lacksSome={user_properties_left_out} />
    </>
  );
}

export default function ClientPage() {
  const { id = "" } = useParams();
  const word = useWords(own);
  const all = useWords(common);
  const language = useLanguage();
  const act = useAction();
  const confirm = useConfirm();
  const navigate = useNavigate();
  const mayAct = useMay("operator");
  const parts = { name: id };
  const query = useLive<Whole>("/clients/{name}", { parts, query: { subscriptions: false } });
  const client = query.data;
  if (!client) return <Page title={id} error={query.error} isLoading={query.isPending} />;
  const disconnect = async () => {
    const [subscriptions, waiting] = [client.subscription_count, number(client.lag_messages, language)];
    const content =
      client.session_expiry_seconds === 0
        ? word.disconnectEnds(subscriptions, waiting)
        : word.disconnectText(subscriptions, waiting, number(client.in_flight, language));
    if (await confirm({ title: `${word.disconnect}: ${id}?`, content, ok: word.disconnect }))
      await act(() => api.post("/clients/{name}:disconnect", { parts }), word.disconnected(id));
  };
  const end = async () => {
    const content = word.endText(client.subscription_count, number(client.lag_messages, language));
    if (!(await confirm({ title: `${word.end}: ${id}?`, content, ok: word.end }))) return;
    const done = await act(async () => {
      await api.delete("/clients/{name}", { parts });
      return true;
    }, word.ended(id));
    if (done) navigate("/clients");
  };
  return (
    <Page
      title={id}
      help={<Status value={client.status} />}
      error={query.error}
      actions={
        mayAct && (
          <>
            <Button disabled={client.status !== "connected"} onClick={disconnect}>
              {word.disconnect}
            </Button>
            <Button danger onClick={end}>
              {word.end}
            </Button>
          </>
        )
      }
    >
      <div className="grid">
        <Card title={word.session} size="small">
          <Figures
            rows={[
              [word.user, client.username ?? word.none],
              [word.address, client.address],
              [word.listener, client.listener],
              [word.protocol, client.protocol ?? "–"],
              [all.created, time(client.created, language)],
            ]}
          />
        </Card>
        <Card title={word.lag} size="small">
          <Figures
            rows={[
              [word.lag, number(client.lag_messages, language)],
              [word.inFlight, number(client.in_flight, language)],
              [word.heldBack, duration(client.held_back_seconds, language)],
              [word.receiveMaximum, number(client.receive_maximum, language)],
              [word.keepAlive, duration(client.keep_alive_seconds, language)],
              [word.expiry, duration(client.session_expiry_seconds, language)],
              [word.cleanStart, client.clean_start == null ? "–" : client.clean_start ? all.yes : all.no],
            ]}
          />
        </Card>
      </div>
      <ClientSubscriptions client={client} />
      <Card title={word.events} size="small" className="gap">
        <EventList path="/clients/{name}/events" parts={parts} filters={[{ name: "event", label: word.event }]} />
      </Card>
      <Trace id={id} />
      <div className="two">
        <Card title={word.connectProperties} size="small">
          <ConnectProperties of={client} />
        </Card>
        <Card title={word.will} size="small">
          {client.will ? <Code>{pretty(client.will)}</Code> : word.none}
        </Card>
        <Card title={word.certificate} size="small">
          {client.certificate ? <Code>{pretty(client.certificate)}</Code> : word.none}
        </Card>
      </div>
    </Page>
  );
}
