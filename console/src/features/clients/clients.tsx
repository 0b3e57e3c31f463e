import { Link } from "react-router-dom";
import { duration, number, time } from "../../components/format";
import { List } from "../../components/list";
import { Page } from "../../components/page";
import { Status } from "../../components/status";
import { common } from "../../words/common";
import { useLanguage, useWords } from "../../words/language";
import { pathOf, type Listed } from "./client_type";
import { own } from "./words";

export default function Clients() {
  const word = useWords(own);
  const all = useWords(common);
  const language = useLanguage();
  return (
    <Page title={word.title} help={word.help}>
      <List<Listed>
        path="/clients"
        isAddressed
        isLive
        rowKey="client_id"
        empty={<p>{word.empty}</p>}
        filters={[
          { name: "client_id_contains", label: word.id, isWhole: false },
          { name: "username", label: word.user },
          { name: "address", label: word.address },
          { name: "status", label: all.status, options: ["connected", "disconnected"] },
        ]}
        columns={[
          {
            title: word.id,
            render: (_, { client_id: id }) => (
              <Link to={pathOf(id)}>
                <strong>{id}</strong>
              </Link>
            ),
          },
          { title: all.status, render: (_, { status }) => <Status value={status} /> },
          { title: word.user, dataIndex: "username" },
          { title: word.address, dataIndex: "address" },
          { title: word.listener, dataIndex: "listener" },
          { title: word.subscriptions, dataIndex: "subscriptions", align: "right" },
          { title: word.inFlight, align: "right", render: (_, row) => number(row.in_flight, language) },
          { title: word.lag, align: "right", render: (_, row) => number(row.lag_messages, language) },
          { title: word.heldBack, align: "right", render: (_, row) => duration(row.held_back_seconds, language) },
          { key: "protocol", optional: true, title: word.protocol, render: (_, { protocol }) => protocol && `MQTT ${protocol}` },
          { key: "serial", optional: true, title: word.serial, render: (_, { certificate_serial: serial }) => serial && <code>{serial}</code> },
          { key: "created", optional: true, title: all.created, render: (_, { created }) => time(created, language) },
        ]}
      />
    </Page>
  );
}
