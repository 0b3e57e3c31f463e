// Three steps: what, with which settings, and does it work. Saved once it does.
import { Button, Card, Checkbox, Steps } from "antd";
import { useId, useState } from "react";
import { useNavigate, useParams } from "react-router-dom";
import { api, tagOf } from "../../api/client";
import { useConnectors, type Connection, type Connector } from "../../api/connectors";
import { marked } from "../../api/counted";
import { useOpened } from "../../api/live";
import { mergePatch } from "../../api/merge_patch";
import { useAction } from "../../components/action";
import { useConflict } from "../../components/conflict";
import { Entry, useFirstOfStep } from "../../components/entry";
import { number } from "../../components/format";
import { useForce } from "../../components/left_behind";
import { Page } from "../../components/page";
import { fieldsOf, ProblemAlert, useFirstWrong } from "../../components/problem";
import { useHelp } from "../../components/schema_form/help";
import { SchemaForm, pointersOf, type Document } from "../../components/schema_form/schema_form";
import type { Schema } from "../../components/schema_form/schema";
import { common } from "../../words/common";
import { useLanguage, useWords } from "../../words/language";
import { useUses } from "./uses";
import { Verification, type Verified } from "./verification";
import { own } from "./words";

const head: Schema = {
  type: "object",
  required: ["name"],
  properties: {
    name: { type: "string", minLength: 1, maxLength: 64 },
    description: { type: "string", maxLength: 128 },
  },
};

interface Given {
  head: Document;
  settings: Document;
}

function editable({ name, description, settings }: Connection): Document {
  return { name, description, settings };
}

function useSteps(connector: Connector | undefined, given: Given, known?: Connection) {
  const force = useForce();
  const conflict = useConflict<Connection>("/connections/{name}", editable);
  const [step, setStep] = useState(known ? 1 : 0);
  const [verified, setVerified] = useState<Verified>();
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const [restart, setRestart] = useState(true);
  const document = { type: connector?.name, ...given.head, settings: given.settings };
  const attempt = async (work: () => Promise<void>) => {
    setBusy(true);
    setError(undefined);
    try {
      await work();
      return true;
    } catch (refused) {
      const left = await conflict.look(refused, known?.name ?? "");
      setError(left);
      if (fieldsOf(left).length > 0) setStep(1);
      return false;
    } finally {
      setBusy(false);
    }
  };
  const verify = () => {
    setStep(2);
    setVerified(undefined);
    return attempt(async () => setVerified(await api.post<Verified>("/connections:verify", { body: document })));
  };
  // What `***` stands for is known to the server alone: a saved connection is verified as it is saved.
  const save = (isVerified: boolean) =>
    attempt(async () => {
      const verify = isVerified ? undefined : false;
      if (!known) await api.post("/connections", { body: document, query: { verify } });
      else
        await force((isForced) =>
          api.patch("/connections/{name}", {
            parts: { name: known.name },
            query: { verify, restart_tasks: restart, force: isForced },
            body: mergePatch(editable(known), { ...given.head, settings: given.settings }),
            ifMatch: tagOf(known),
          }),
        );
    });
  return { step, setStep, verified, error, conflict, isBusy, verify, save, restart, setRestart };
}

function Types({ connectors, onChoose }: { connectors: Connector[]; onChoose: (name: string) => void }) {
  const help = useHelp();
  return (
    <div className="grid">
      {connectors
        .filter(({ needs_connection }) => needs_connection)
        .map(({ name, summary }) => (
          <button key={name} type="button" className="choice" onClick={() => onChoose(name)}>
            <strong>{name}</strong>
            <span>{help(summary)}</span>
          </button>
        ))}
    </div>
  );
}

// A restart of its tasks says how many, and what waits for them meanwhile.
function Restart({ known, isChosen, onChange }: { known: Connection; isChosen: boolean; onChange: (is: boolean) => void }) {
  const word = useWords(own);
  const language = useLanguage();
  const uses = useUses(known);
  if (known.tasks === 0) return null;
  return (
    <Checkbox checked={isChosen} onChange={(event) => onChange(event.target.checked)}>
      {word.restartTasks(known.tasks)}
      {uses && ` ${word.restartText(marked(number(uses.waiting, language), uses.isCut))}`}
    </Checkbox>
  );
}

function Form({ known: opened }: { known?: Connection }) {
  const word = useWords(own);
  const all = useWords(common);
  const [known, setKnown] = useState(opened);
  const navigate = useNavigate();
  const act = useAction();
  const { connectors } = useConnectors();
  const [type, setType] = useState(known?.type ?? "");
  const [given, setGiven] = useState<Given>({
    head: known ? { name: known.name, description: known.description } : {},
    settings: known?.settings ?? {},
  });
  const connector = connectors.find(({ name }) => name === type);
  const flow = useSteps(connector, given, known);
  const problems = fieldsOf(flow.error);
  const id = useId();
  useFirstOfStep(id, flow.step);
  useFirstWrong(flow.error);
  const save = async (isVerified: boolean) => {
    if (await flow.save(isVerified)) {
      await act(async () => undefined, word.saved(String(given.head.name)));
      navigate("/connections");
    }
  };
  const steps = [word.stepType, word.stepSettings, word.stepVerify];
  return (
    <>
      <Steps
        className="steps"
        size="small"
        current={flow.step}
        items={(known ? steps.slice(0, 2) : steps).map((title) => ({ title }))}
      />
      {flow.step === 0 && (
        <>
          <h2>{word.chooseType}</h2>
          <Types
            connectors={connectors}
            onChoose={(name) => {
              if (name !== type) setGiven({ ...given, settings: {} });
              setType(name);
              flow.setStep(1);
            }}
          />
        </>
      )}
      {flow.step === 1 && connector && (
        <Card className="narrow">
          <Entry id={id} onSubmit={known ? () => save(true) : flow.verify}>
            {known &&
              flow.conflict.shown({ base: known, mine: { ...given.head, settings: given.settings } }, (base, mine) => {
                const { settings, ...rest } = mine;
                setKnown(base);
                setGiven({ head: rest, settings: (settings as Document | undefined) ?? {} });
              })}
            <ProblemAlert
              error={flow.error}
              shown={[...pointersOf(head, problems), ...pointersOf(connector.connection, problems, "/settings")]}
            />
            <SchemaForm
              schema={head}
              labels={{ name: all.name, description: all.description }}
              value={given.head}
              problems={problems}
              onChange={(next) => setGiven({ ...given, head: next })}
            />
            <SchemaForm
              schema={connector.connection}
              value={given.settings}
              problems={problems}
              prefix="/settings"
              onChange={(next) => setGiven({ ...given, settings: next })}
            />
            {known && (
              <>
                <p className="quiet">{word.secretKept}</p>
                <Restart known={known} isChosen={flow.restart} onChange={flow.setRestart} />
              </>
            )}
            <div className="buttons">
              {!known && <Button onClick={() => flow.setStep(0)}>{all.back}</Button>}
              {known ? (
                <>
                  <Button type="primary" htmlType="submit" loading={flow.isBusy}>
                    {all.save}
                  </Button>
                  {flow.error !== undefined && problems.some(({ pointer }) => pointer === "/settings") && (
                    <Button onClick={() => save(false)}>{word.saveUnverified}</Button>
                  )}
                </>
              ) : (
                <Button type="primary" htmlType="submit">
                  {all.next}
                </Button>
              )}
            </div>
          </Entry>
        </Card>
      )}
      {flow.step === 2 && (
        <Card className="narrow">
          <ProblemAlert error={flow.error} />
          <Verification verified={flow.verified} isBusy={flow.isBusy} />
          {flow.verified && !flow.verified.ok && <p className="quiet">{word.saveUnverifiedHelp}</p>}
          <div className="buttons">
            <Button onClick={() => flow.setStep(1)}>{all.back}</Button>
            {flow.verified?.ok ? (
              <Button type="primary" loading={flow.isBusy} onClick={() => save(true)}>
                {all.save}
              </Button>
            ) : (
              <>
                <Button type="primary" disabled={flow.isBusy} onClick={flow.verify}>
                  {word.verifyAgain}
                </Button>
                {flow.verified && <Button onClick={() => save(false)}>{word.saveUnverified}</Button>}
              </>
            )}
          </div>
        </Card>
      )}
    </>
  );
}

export function NewConnection() {
  const word = useWords(own);
  return (
    <Page title={word.create}>
      <Form />
    </Page>
  );
}

export function EditConnection() {
  const { name = "" } = useParams();
  const word = useWords(own);
  const { opened, error, isPending } = useOpened<Connection>("/connections/{name}", { parts: { name } });
  return (
    <Page title={word.editTitle(name)} error={error} isLoading={isPending}>
      {opened && <Form key={opened.id} known={opened} />}
    </Page>
  );
}
