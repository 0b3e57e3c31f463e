import { PauseOutlined, PlayCircleOutlined } from "@ant-design/icons";
import { Button, Tooltip } from "antd";
import { Link } from "react-router-dom";
import { useMay } from "../../api/session";
import type { Task } from "../../api/task";
import { duration, number, time } from "../../components/format";
import { List } from "../../components/list";
import { Page } from "../../components/page";
import { CreateLink, More, NameAndDescription, StatusAndWhy } from "../../components/row";
import { common } from "../../words/common";
import { useLanguage, useWords } from "../../words/language";
import { pathOf, useTaskActions } from "./actions";
import { useTaskDialogs, type Ask } from "./dialogs";
import { own } from "./words";

export function sourceOf({ source }: Task) {
  const what = source.filters ?? source.topics ?? [];
  return [source.connection ?? "", what.join(", ")].filter(Boolean).join(": ");
}

export function targetOf({ sink, map }: Task) {
  return [sink.type, sink.connection, sink.folder, map?.topic].filter(Boolean).join(" · ");
}

function Actions({ task, ask }: { task: Task; ask: Ask }) {
  const word = useWords(own);
  const actions = useTaskActions(task, ask);
  const label = actions.runs ? word.pause : word.start;
  return (
    <>
      <Tooltip title={label}>
        <Button
          type="text"
          aria-label={`${label}: ${task.name}`}
          disabled={!actions.mayAct}
          icon={actions.runs ? <PauseOutlined /> : <PlayCircleOutlined />}
          onClick={actions.runs ? actions.pause : actions.start}
        />
      </Tooltip>
      <More name={task.name} items={actions.menu} />
    </>
  );
}

export default function Tasks() {
  const word = useWords(own);
  const all = useWords(common);
  const language = useLanguage();
  const mayChange = useMay("administrator");
  const { ask, dialog } = useTaskDialogs();
  const actions = mayChange && (
    <>
      <Link to="/imports">
        <Button>{word.import}</Button>
      </Link>
      <CreateLink to="/tasks/new" label={word.create} />
    </>
  );
  return (
    <Page title={word.title} help={word.help} actions={actions}>
      {dialog}
      <div className="slim">
        <List<Task>
          path="/tasks"
          isAddressed
          isLive
          filters={[
            { name: "name_contains", label: all.name, isWhole: false },
            { name: "id", label: all.id },
            { name: "status", label: all.status, options: ["running", "waiting", "paused", "failed", "starting", "finished"] },
          ]}
          empty={<p>{word.empty}</p>}
          columns={[
            {
              title: all.name,
              sort: "name",
              render: (_, { name, description }) => (
                <NameAndDescription
                  name={
                    <Link to={pathOf(name)}>
                      <strong>{name}</strong>
                    </Link>
                  }
                  description={description}
                />
              ),
            },
            {
              title: all.status,
              sort: "status",
              render: (_, { status, status_reason: reason }) => <StatusAndWhy status={status} reason={reason} />,
            },
            { title: word.source, render: (_, task) => <div className="reason">{sourceOf(task)}</div> },
            { title: word.target, render: (_, task) => <div className="reason">{targetOf(task)}</div> },
            {
              title: word.lag,
              sort: "lag_messages",
              align: "right",
              render: (_, { lag_messages, oldest_unsent_age_seconds: age }) => (
                <>
                  {number(lag_messages, language)}
                  {(lag_messages ?? 0) > 0 && <div className="quiet">{duration(age, language)}</div>}
                </>
              ),
            },
            { title: word.delivered, sort: "delivered", align: "right", render: (_, { delivered }) => number(delivered, language) },
            {
              title: word.deadLetters,
              align: "right",
              render: (_, { name, dead_letters }) =>
                dead_letters > 0 ? (
                  <Link to={`${pathOf(name)}?tab=letters`}>{number(dead_letters, language)}</Link>
                ) : (
                  0
                ),
            },
            { key: "id", optional: true, title: all.id, render: (_, { id }) => <code>{id}</code> },
            {
              key: "age",
              optional: true,
              title: word.oldest,
              sort: "oldest_unsent_age_seconds",
              align: "right",
              render: (_, { oldest_unsent_age_seconds: age }) => duration(age, language),
            },
            { key: "created", optional: true, title: all.created, sort: "created", render: (_, { created }) => time(created, language) },
            { key: "actions", align: "right", render: (_, task) => <Actions task={task} ask={ask} /> },
          ]}
        />
      </div>
    </Page>
  );
}
