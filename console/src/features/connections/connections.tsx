import { App } from "antd";
import { Link, useNavigate } from "react-router-dom";
import { api } from "../../api/client";
import type { Connection } from "../../api/connectors";
import { marked } from "../../api/counted";
import { useMay } from "../../api/session";
import { useAction, useConfirm } from "../../components/action";
import { number, time } from "../../components/format";
import { List } from "../../components/list";
import { Page } from "../../components/page";
import { CreateLink, More, NameAndDescription, StatusAndWhy } from "../../components/row";
import { common } from "../../words/common";
import { useLanguage, useWords } from "../../words/language";
import { usesOf, type Uses } from "./uses";
import { Verification, type Verified } from "./verification";
import { own } from "./words";

const mostNamed = 20;

// The server deletes no connection that tasks use: the way on is by them.
function InUse({ uses, onLeave }: { uses: Uses; onLeave: () => void }) {
  const word = useWords(own);
  const language = useLanguage();
  const { names, waiting, isCut } = uses;
  const figure = (value: number) => marked(number(value, language), isCut);
  return (
    <>
      <p>{word.usedBy(figure(names.length), figure(waiting))}</p>
      <ul>
        {names.slice(0, mostNamed).map((task) => (
          <li key={task}>
            <Link to={`/tasks/${encodeURIComponent(task)}`} onClick={onLeave}>
              {task}
            </Link>
          </li>
        ))}
        {names.length > mostNamed && <li>{word.andMore(figure(names.length - mostNamed))}</li>}
      </ul>
      <p>{word.freeFirst}</p>
    </>
  );
}

function Actions({ connection }: { connection: Connection }) {
  const word = useWords(own);
  const all = useWords(common);
  const act = useAction();
  const confirm = useConfirm();
  const { modal } = App.useApp();
  const navigate = useNavigate();
  const mayChange = useMay("administrator");
  const mayTry = useMay("operator");
  const { name } = connection;
  const parts = { name };
  const verify = async () => {
    const verified = await act(() => api.post<Verified>("/connections/{name}:verify", { parts }));
    if (verified)
      modal.info({
        title: word.verifyTitle(name),
        icon: null,
        width: 640,
        content: <Verification verified={verified} isBusy={false} />,
      });
  };
  const remove = async () => {
    const uses = await act(() => usesOf(connection));
    if (!uses) return;
    if (uses.names.length > 0) {
      const told: { destroy: () => void } = modal.info({
        title: word.inUse(name),
        width: 560,
        okText: all.close,
        content: <InUse uses={uses} onLeave={() => told.destroy()} />,
      });
    } else if (await confirm({ title: word.deleteTitle(name), content: uses.isCut ? word.deleteCut : word.deleteFree }))
      await act(() => api.delete("/connections/{name}", { parts }), word.deleted(name));
  };
  const items = [
    { key: "verify", label: word.verify, disabled: !mayTry, onClick: verify },
    {
      key: "edit",
      label: all.edit,
      disabled: !mayChange,
      onClick: () => navigate(`/connections/${encodeURIComponent(name)}/edit`),
    },
    { key: "delete", label: all.remove, danger: true, disabled: !mayChange, onClick: remove },
  ];
  return <More name={name} items={items} />;
}

export default function Connections() {
  const word = useWords(own);
  const all = useWords(common);
  const language = useLanguage();
  const mayChange = useMay("administrator");
  const create = mayChange && <CreateLink to="/connections/new" label={word.create} />;
  return (
    <Page title={word.title} help={word.help} actions={create}>
      <List<Connection>
        path="/connections"
        isAddressed
        isLive
        filters={[
          { name: "name_contains", label: all.name, isWhole: false },
          { name: "id", label: all.id },
          { name: "status", label: all.status, options: ["healthy", "degraded", "failed", "unknown"] },
          { name: "type", label: all.type },
        ]}
        empty={<p>{word.empty}</p>}
        columns={[
          {
            title: all.name,
            sort: "name",
            render: (_, { name, description }) => <NameAndDescription name={<strong>{name}</strong>} description={description} />,
          },
          {
            title: all.status,
            sort: "status",
            render: (_, { status, status_reason: reason }) => <StatusAndWhy status={status} reason={reason} />,
          },
          { title: all.type, dataIndex: "type", sort: "type" },
          { title: word.resource, dataIndex: "bound_resource" },
          { title: word.tasks, dataIndex: "tasks", sort: "tasks", align: "right" },
          { key: "id", optional: true, title: all.id, render: (_, { id }) => <code>{id}</code> },
          { key: "created", optional: true, title: all.created, sort: "created", render: (_, { created }) => time(created, language) },
          { key: "actions", align: "right", render: (_, connection) => <Actions connection={connection} /> },
        ]}
      />
    </Page>
  );
}
