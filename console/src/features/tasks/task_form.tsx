// Four steps: basics, source, process or verify, target; with the exact record beside the last two.
import { Button, Card, Collapse, Form, Input, Radio, Select, Steps } from "antd";
import { useState } from "react";
import { Link, useNavigate, useParams } from "react-router-dom";
import { api, tagOf, type Entity, type FieldProblem, type Page as ListPage } from "../../api/client";
import { useConnectors, type Connection } from "../../api/connectors";
import { taskParts } from "../../api/documents";
import { useGet } from "../../api/live";
import { mergePatch } from "../../api/merge_patch";
import type { Task } from "../../api/task";
import { useAction } from "../../components/action";
import { Page } from "../../components/page";
import { ProblemAlert, problemOf } from "../../components/problem";
import { SchemaForm, type Document } from "../../components/schema_form/schema_form";
import { Field } from "../../components/schema_form/field";
import { common } from "../../words/common";
import { useWords } from "../../words/language";
import { pathOf } from "./actions";
import { Preview, type Sample } from "./preview";
import { own } from "./words";

const { where, verify, map, delivery } = taskParts;
const written = ["name", "description", "enabled", "source", "where", "verify", "map", "sink", "delivery"];

interface StepProps {
  document: Entity;
  set: (name: string, value: unknown) => void;
  problems: FieldProblem[];
}

const part = (document: Entity, name: string) => (document[name] as Document | undefined) ?? {};

// Which step shows a field: 0 basics, 1 source, 2 process, 3 target.
export function stepOf(pointer: string) {
  if (/^\/(name|description|enabled)/.test(pointer)) return 0;
  if (pointer.startsWith("/source")) return 1;
  if (/^\/(where|verify|map\/jq)/.test(pointer)) return 2;
  return 3;
}

function at(problems: FieldProblem[], pointer: string) {
  const wrong = problems.filter((problem) => problem.pointer.startsWith(pointer));
  return wrong.length > 0
    ? { validateStatus: "error" as const, help: wrong.map(({ detail }) => detail).join("; ") }
    : {};
}

function Basics({ document, set, problems }: StepProps) {
  const all = useWords(common);
  const text = (name: string) => (event: { target: { value: string } }) => set(name, event.target.value);
  return (
    <>
      <Form.Item label={all.name} htmlFor="task-name" required {...at(problems, "/name")}>
        <Input id="task-name" maxLength={64} value={String(document.name ?? "")} onChange={text("name")} />
      </Form.Item>
      <Form.Item label={all.description} htmlFor="task-description" {...at(problems, "/description")}>
        <Input
          id="task-description"
          maxLength={128}
          value={String(document.description ?? "")}
          onChange={text("description")}
        />
      </Form.Item>
    </>
  );
}

function Source({ document, set, problems }: StepProps) {
  const word = useWords(own);
  const source = part(document, "source");
  const isLocal = (source.type ?? "local") === "local";
  if (!isLocal)
    return (
      <Form.Item label={word.source} htmlFor="task-source" extra={word.foreignSource} {...at(problems, "/source")}>
        <Field id="task-source" schema={{}} value={source} onChange={(value) => set("source", value)} />
      </Form.Item>
    );
  const change = (name: string, value: unknown) => set("source", { ...source, [name]: value });
  return (
    <>
      <p>{word.sourceLocal}</p>
      <Form.Item
        label={word.filters}
        htmlFor="task-filters"
        required
        extra={word.filtersHelp}
        {...at(problems, "/source/filters")}
      >
        <Select
          id="task-filters"
          mode="tags"
          open={false}
          suffixIcon={null}
          tokenSeparators={[",", "\n", ";"]}
          value={(source.filters as string[] | undefined) ?? []}
          onChange={(filters: string[]) => change("filters", filters.map((one) => one.trim()).filter(Boolean))}
        />
      </Form.Item>
      <Form.Item label={word.begin} {...at(problems, "/source/start")}>
        <Radio.Group
          value={typeof source.start === "string" ? source.start : source.start ? undefined : "now"}
          onChange={(event) => change("start", event.target.value)}
        >
          <Radio value="now">{word.beginNow}</Radio>
          <Radio value="earliest">{word.beginEarliest}</Radio>
        </Radio.Group>
      </Form.Item>
    </>
  );
}

function Process({ document, set, problems }: StepProps) {
  const word = useWords(own);
  const mapping = part(document, "map");
  return (
    <>
      <Form.Item label={word.where} htmlFor="task-where" extra={where.description} {...at(problems, "/where")}>
        <Input
          id="task-where"
          className="code"
          placeholder="payload.temperature > 20"
          value={String(document.where ?? "")}
          onChange={(event) => set("where", event.target.value)}
        />
      </Form.Item>
      <Form.Item label={word.jq} htmlFor="task-jq" extra={map.properties!.jq!.description} {...at(problems, "/map/jq")}>
        <Input.TextArea
          id="task-jq"
          className="code"
          rows={1}
          placeholder="{watts: .w, at: now}"
          value={String(mapping.jq ?? "")}
          onChange={(event) => set("map", { ...mapping, jq: event.target.value })}
        />
      </Form.Item>
      <Form.Item
        label={word.jsonSchema}
        htmlFor="task-schema"
        extra={verify.description}
        {...at(problems, "/verify")}
      >
        <Field
          id="task-schema"
          schema={{}}
          value={part(document, "verify").json_schema}
          onChange={(json_schema) => set("verify", json_schema === undefined ? undefined : { json_schema })}
        />
      </Form.Item>
    </>
  );
}

function Connected({ document, set, problems }: StepProps) {
  const word = useWords(own);
  const sink = part(document, "sink");
  const type = String(sink.type);
  const list = useGet<ListPage<Connection>>("/connections", { query: { limit: 1000, type } });
  const items = list.data?.items ?? [];
  return (
    <Form.Item label={word.connection} htmlFor="task-connection" required {...at(problems, "/sink/connection")}>
      <Select
        id="task-connection"
        showSearch
        value={sink.connection as string | undefined}
        options={items.map(({ name, status, bound_resource }) => ({
          value: name,
          label: `${name} · ${bound_resource} · ${status}`,
        }))}
        onChange={(connection) => set("sink", { ...sink, connection })}
      />
      {list.data && items.length === 0 && (
        <p className="quiet">
          {word.noConnection(type)} <Link to="/connections/new">{word.makeConnection}</Link>
        </p>
      )}
    </Form.Item>
  );
}

function Target(props: StepProps) {
  const { document, set, problems } = props;
  const word = useWords(own);
  const { connectors } = useConnectors();
  const sink = part(document, "sink");
  const connector = connectors.find(({ name }) => name === sink.type);
  const writes = (next: Document) => set("sink", next);
  return (
    <>
      <Form.Item label={word.connector} required {...at(problems, "/sink/type")}>
        <div className="choices" role="group" aria-label={word.connector}>
          {connectors.map(({ name, summary }) => (
            <button
              key={name}
              type="button"
              className="choice"
              aria-pressed={sink.type === name}
              onClick={() => sink.type !== name && writes({ type: name })}
            >
              <strong>{name}</strong>
              <span>{summary}</span>
            </button>
          ))}
        </div>
      </Form.Item>
      {connector && (
        <>
          {connector.needs_connection && <Connected {...props} />}
          <SchemaForm
            schema={map}
            omit={["jq"]}
            first={1}
            prefix="/map"
            value={part(document, "map")}
            problems={problems}
            onChange={(next) => set("map", next)}
          />
          <h2>{word.sink}</h2>
          <SchemaForm
            schema={connector.sink}
            prefix="/sink"
            first={2}
            value={sink}
            problems={problems}
            onChange={writes}
          />
          <Collapse
            ghost
            defaultActiveKey={problems.some(({ pointer }) => pointer.startsWith("/delivery")) ? ["delivery"] : []}
            items={[
              {
                key: "delivery",
                label: `${word.delivery}: ${word.deliveryHelp}`,
                children: (
                  <SchemaForm
                    schema={delivery}
                    prefix="/delivery"
                    first={20}
                    value={part(document, "delivery")}
                    problems={problems}
                    onChange={(next) => set("delivery", next)}
                  />
                ),
              },
            ]}
          />
        </>
      )}
    </>
  );
}

function blank(known?: Task): Entity {
  if (!known) return { source: { filters: [] } };
  const entity = known as unknown as Entity;
  return Object.fromEntries(written.filter((name) => name in entity).map((name) => [name, entity[name]]));
}

function tidied(document: Entity) {
  return Object.fromEntries(Object.entries(document).filter(([, value]) => value !== undefined && value !== ""));
}

function Wizard({ known }: { known?: Task }) {
  const word = useWords(own);
  const all = useWords(common);
  const navigate = useNavigate();
  const act = useAction();
  const [step, setStep] = useState(0);
  const [document, setDocument] = useState<Entity>(() => blank(known));
  const [sample, setSample] = useState<Sample>({ topic: "", payload: "" });
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const problems = problemOf(error)?.fields ?? [];
  const set = (name: string, value: unknown) => setDocument((before) => ({ ...before, [name]: value }));
  const save = async () => {
    setBusy(true);
    setError(undefined);
    // An empty map rather than none: what is missing in it is then named at its field.
    const body: Entity = known ? tidied(document) : { map: {}, ...tidied(document) };
    try {
      const saved = known
        ? await api.patch<Task>("/tasks/{name}", {
            parts: { name: known.name },
            body: mergePatch(blank(known), document.where === "" ? { ...body, where: "" } : body),
            ifMatch: tagOf(known),
          })
        : await api.post<Task>("/tasks", { body });
      await act(async () => undefined, known ? word.saved(saved.name) : word.made(saved.name));
      navigate(pathOf(saved.name));
    } catch (refused) {
      setError(refused);
      const first = problemOf(refused)?.fields?.[0];
      if (first) setStep(Math.min(...problemOf(refused)!.fields!.map(({ pointer }) => stepOf(pointer))));
    } finally {
      setBusy(false);
    }
  };
  const names = [word.basics, word.source, word.process, word.target];
  const Step = [Basics, Source, Process, Target][step]!;
  const here = problems.filter(({ pointer }) => stepOf(pointer) === step).map(({ pointer }) => pointer);
  const form = (
    <Card>
      <ProblemAlert error={error} shown={here} />
      <Step document={document} set={set} problems={problems} />
      <div className="buttons">
        {step > 0 && <Button onClick={() => setStep(step - 1)}>{all.back}</Button>}
        {step < 3 && (
          <Button type={known ? "default" : "primary"} onClick={() => setStep(step + 1)}>
            {all.next}
          </Button>
        )}
        {(step === 3 || known) && (
          <Button type="primary" loading={isBusy} onClick={save}>
            {known ? all.save : all.create}
          </Button>
        )}
      </div>
    </Card>
  );
  return (
    <>
      <Steps
        className="steps"
        size="small"
        current={step}
        onChange={setStep}
        items={names.map((title, index) => ({
          title,
          status: problems.some(({ pointer }) => stepOf(pointer) === index) ? ("error" as const) : undefined,
        }))}
      />
      {step < 2 ? (
        <div className="narrow">{form}</div>
      ) : (
        <div className="two">
          {form}
          <Preview document={tidied(document)} sample={sample} onSample={setSample} />
        </div>
      )}
    </>
  );
}

export function NewTask() {
  const word = useWords(own);
  return (
    <Page title={word.create}>
      <Wizard />
    </Page>
  );
}

export function EditTask() {
  const { name = "" } = useParams();
  const word = useWords(own);
  const known = useGet<Task>("/tasks/{name}", { parts: { name } });
  const [opened, setOpened] = useState<Task>();
  // What was there when editing began: the server refuses the change when it is not any more.
  if (known.data && !opened) setOpened(known.data);
  return (
    <Page title={word.editTitle(name)} error={known.error} isLoading={known.isPending}>
      {opened && <Wizard key={opened.id} known={opened} />}
    </Page>
  );
}
