// Four steps: basics, source, process or verify, target; with the exact record beside the last two.
import { Button, Card, Form, Input, Steps, Switch } from "antd";
import { useId, useState } from "react";
import { useNavigate, useParams } from "react-router-dom";
import { api, tagOf, type Entity } from "../../api/client";
import { useOpened } from "../../api/live";
import { mergePatch } from "../../api/merge_patch";
import type { Task } from "../../api/task";
import { useAction } from "../../components/action";
import { useConflict } from "../../components/conflict";
import { Entry, useFirstOfStep } from "../../components/entry";
import { useForce } from "../../components/left_behind";
import { Page } from "../../components/page";
import { fieldsOf, ProblemAlert, useFirstWrong } from "../../components/problem";
import { Field } from "../../components/schema_form/field";
import { useHelp } from "../../components/schema_form/help";
import { wrongAt } from "../../components/schema_form/wrong";
import { common } from "../../words/common";
import { useWords } from "../../words/language";
import { pathOf } from "./actions";
import { useGivenUp } from "./ask_given_up";
import { editable, part, partsOf, stepOf, tidied } from "./document";
import { Preview, usePreview, type Sample } from "./preview";
import { Source } from "./source";
import type { StepProps } from "./step";
import { Target } from "./target";
import { own } from "./words";

function Basics({ document, set, problems, isKnown, makesAccount, setMakesAccount }: StepProps) {
  const word = useWords(own);
  const help = useHelp();
  const all = useWords(common);
  const text = (name: string) => (event: { target: { value: string } }) => set(name, event.target.value);
  return (
    <>
      <Form.Item label={all.name} htmlFor="task-name" required {...wrongAt(problems, "/name")}>
        <Input id="task-name" maxLength={64} value={String(document.name ?? "")} onChange={text("name")} />
      </Form.Item>
      <Form.Item label={all.description} htmlFor="task-description" {...wrongAt(problems, "/description")}>
        <Input
          id="task-description"
          maxLength={128}
          value={String(document.description ?? "")}
          onChange={text("description")}
        />
      </Form.Item>
      <Form.Item
        label={word.account}
        htmlFor="task-account"
        extra={help(partsOf(document).account.description)}
        {...wrongAt(problems, "/account")}
      >
        <Input id="task-account" maxLength={32} value={String(document.account ?? "")} onChange={text("account")} />
      </Form.Item>
      {!isKnown && (
        <Form.Item label={word.makeAccount} htmlFor="task-make-account" extra={word.makeAccountHelp}>
          <Switch id="task-make-account" checked={makesAccount} onChange={setMakesAccount} />
        </Form.Item>
      )}
      {!isKnown && (
        <Form.Item label={word.startNow} htmlFor="task-enabled" extra={word.startNowHelp}>
          <Switch
            id="task-enabled"
            checked={document.enabled !== false}
            onChange={(isOn) => set("enabled", isOn ? undefined : false)}
          />
        </Form.Item>
      )}
    </>
  );
}

function Process({ document, set, problems }: StepProps) {
  const word = useWords(own);
  const help = useHelp();
  const mapping = part(document, "map");
  const { where, verify, map } = partsOf(document);
  return (
    <>
      <Form.Item label={word.where} htmlFor="task-where" extra={help(where.description)} {...wrongAt(problems, "/where")}>
        <Input
          id="task-where"
          className="code"
          placeholder="payload.temperature > 20"
          value={String(document.where ?? "")}
          onChange={(event) => set("where", event.target.value)}
        />
      </Form.Item>
      <Form.Item label={word.jq} htmlFor="task-jq" extra={help(map.properties!.jq!.description)} {...wrongAt(problems, "/map/jq")}>
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
        extra={help(verify.description)}
        {...wrongAt(problems, "/verify")}
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

// What is sent of what is written.
function bodyOf(document: Entity, known?: Task): Entity {
  // An empty map rather than none: what is missing in it is then named at its field.
  if (!known) return { map: {}, ...tidied(document) };
  const emptied = ["where", "account"].filter((name) => document[name] === "");
  return { ...tidied(document), ...Object.fromEntries(emptied.map((name) => [name, ""])) };
}

function Wizard({ known: opened }: { known?: Task }) {
  const word = useWords(own);
  const all = useWords(common);
  const navigate = useNavigate();
  const act = useAction();
  const [known, setKnown] = useState(opened);
  const [step, setStep] = useState(0);
  const [document, setDocument] = useState<Entity>(() => (known ? editable(known) : { source: { filters: [] } }));
  const [sample, setSample] = useState<Sample>({ topic: "", payload: "", key: "" });
  const [error, setError] = useState<unknown>();
  const [makesAccount, setMakesAccount] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const force = useForce();
  const isMeant = useGivenUp();
  const conflict = useConflict<Task>("/tasks/{name}", editable);
  const problems = fieldsOf(error);
  const id = useId();
  useFirstOfStep(id, step);
  useFirstWrong(error);
  const set = (name: string, value: unknown) => setDocument((before) => ({ ...before, [name]: value }));
  const send = (body: Entity) => {
    if (!known) return api.post<Task>("/tasks", { body, query: makesAccount ? { create_account: true } : {} });
    const call = { parts: { name: known.name }, body: mergePatch(editable(known), body), ifMatch: tagOf(known) };
    return force((isForced) => api.patch<Task>("/tasks/{name}", { ...call, query: { force: isForced } }));
  };
  const save = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const body = bodyOf(document, known);
      if (known && !(await isMeant(known, body))) return;
      const saved = await send(body);
      await act(async () => undefined, told(saved));
      navigate(pathOf(saved.name));
    } catch (refused) {
      const left = await conflict.look(refused, known?.name ?? "");
      setError(left);
      const steps = fieldsOf(left).map(({ pointer }) => stepOf(pointer));
      if (steps.length > 0) setStep(Math.min(...steps));
    } finally {
      setBusy(false);
    }
  };
  const preview = usePreview(tidied(document), sample, step >= 2);
  const madeTopic = preview.error ? undefined : preview.answer?.record?.topic;
  const told = ({ name, enabled }: Task) => {
    if (known) return word.saved(name);
    return enabled ? word.made(name) : word.copied(name);
  };
  const names = [word.basics, word.source, word.process, word.target];
  const Step = [Basics, Source, Process, Target][step]!;
  const here = problems.filter(({ pointer }) => stepOf(pointer) === step).map(({ pointer }) => pointer);
  const canBeSaved = step === 3 || known !== undefined;
  const form = (
    <Card>
      <Entry id={id} onSubmit={canBeSaved ? save : () => setStep(step + 1)}>
        {known &&
          conflict.shown({ base: known, mine: document }, (base, mine) => {
            setKnown(base);
            setDocument(mine);
          })}
        <ProblemAlert error={error} shown={here} />
        <Step
          document={document}
          set={set}
          replace={setDocument}
          problems={problems}
          isKnown={known !== undefined}
          madeTopic={madeTopic}
          makesAccount={makesAccount}
          setMakesAccount={setMakesAccount}
        />
        <div className="buttons">
          {step > 0 && <Button onClick={() => setStep(step - 1)}>{all.back}</Button>}
          {step < 3 && (
            <Button
              type={canBeSaved ? "default" : "primary"}
              htmlType={canBeSaved ? "button" : "submit"}
              onClick={canBeSaved ? () => setStep(step + 1) : undefined}
            >
              {all.next}
            </Button>
          )}
          {canBeSaved && (
            <Button type="primary" htmlType="submit" loading={isBusy}>
              {known ? all.save : all.create}
            </Button>
          )}
        </div>
      </Entry>
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
          <Preview document={tidied(document)} sample={sample} onSample={setSample} shown={preview} />
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
  const { opened, error, isPending } = useOpened<Task>("/tasks/{name}", { parts: { name } });
  return (
    <Page title={word.editTitle(name)} error={error} isLoading={isPending}>
      {opened && <Wizard key={opened.id} known={opened} />}
    </Page>
  );
}
