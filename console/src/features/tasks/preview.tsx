// A sample, and the exact record that the task makes of it as it stands now.
import { Alert, Button, Card, Input } from "antd";
import { useEffect, useState } from "react";
import { api, type Entity, type Page } from "../../api/client";
import { useConnectors } from "../../api/connectors";
import { useIsAway } from "../../api/reach";
import { Code, pretty } from "../../components/code";
import { number } from "../../components/format";
import { ProblemAlert, unlessAway } from "../../components/problem";
import { useLanguage, useWords } from "../../words/language";
import { isInbound, previewable, sourceTypeOf } from "./document";
import { own } from "./words";

export interface Sample {
  topic: string;
  payload: string;
  key: string; // of what comes as records
}

interface Payload {
  payload: string | null; // null: it is no text
  payload_base64: string;
  payload_bytes: number;
}

interface Answer {
  ok: boolean;
  matches?: boolean; // of a task that reads this server's log
  message?: { topic: string; qos: number; retain: boolean; properties: object } & Payload;
  record?: {
    topic: string;
    key: string | null;
    headers: { name: string; value: string }[];
    value: string;
    value_base64: string;
    bytes: number;
  };
  error?: { detail: string; becomes: string };
}

export function usePreview(document: Entity, sample: Sample, isWanted: boolean) {
  const [answer, setAnswer] = useState<Answer>();
  const [error, setError] = useState<unknown>();
  const key = JSON.stringify([document, sample]);
  const isAway = useIsAway(); // asked again when it is back
  useEffect(() => {
    if (!isWanted || !sample.topic) return setAnswer(undefined);
    let isOld = false;
    const timer = setTimeout(async () => {
      const [task, { topic, payload, key: client_id }] = JSON.parse(key) as [Entity, Sample];
      const message = { topic, payload, ...(client_id && { client_id }) };
      try {
        const shown = await api.post<Answer>("/tasks:preview", { body: { task: previewable(task), message } });
        if (isOld) return;
        setAnswer(shown);
        setError(undefined);
      } catch (refused) {
        if (!isOld) setError(refused);
      }
    }, 400);
    return () => {
      isOld = true;
      clearTimeout(timer);
    };
  }, [key, sample.topic, isWanted, isAway]);
  return { answer, error };
}

function Published({ message }: { message: NonNullable<Answer["message"]> }) {
  const word = useWords(own);
  const language = useLanguage();
  return (
    <dl className="record">
      <dt>{word.recordTopic}</dt>
      <dd>{message.topic}</dd>
      <dt>QoS</dt>
      <dd>
        {message.qos} {message.retain && `· ${word.retained}`}
      </dd>
      <dt>{word.recordProperties}</dt>
      <dd>
        <Code label={word.recordProperties}>{pretty(message.properties)}</Code>
      </dd>
      <dt>{word.recordValue}</dt>
      <dd>
        <Code label={word.recordValue}>{pretty(message.payload ?? message.payload_base64)}</Code>
        <span className="quiet">{word.recordBytes(number(message.payload_bytes, language))}</span>
      </dd>
    </dl>
  );
}

// Of what a later server says, its own word.
function useBecomes() {
  const word = useWords(own);
  const known: Record<string, string> = {
    dead_letter: word.becomesDeadLetter,
    drop: word.becomesDrop,
    stop: word.becomesStop,
    fails: word.becomesFails,
    waits: word.becomesWaits,
    filtered: word.becomesFiltered,
  };
  return (what: string) => known[what] ?? word.becomes(what);
}

function Shown({ answer }: { answer: Answer }) {
  const word = useWords(own);
  const becomes = useBecomes();
  const language = useLanguage();
  if (answer.matches === false) return <Alert type="warning" showIcon message={word.passedOver} />;
  if (answer.error)
    return (
      <Alert
        type="error"
        showIcon
        message={answer.error.detail}
        description={becomes(answer.error.becomes)}
      />
    );
  const { record, message } = answer;
  if (message) return <Published message={message} />;
  if (!record) return <Alert type="warning" showIcon message={word.passedOver} />;
  return (
    <dl className="record">
      <dt>{word.recordTopic}</dt>
      <dd>{record.topic}</dd>
      <dt>{word.recordKey}</dt>
      <dd>{record.key ?? word.noKey}</dd>
      <dt>{word.recordHeaders}</dt>
      <dd>
        {record.headers.map(({ name, value }, at) => (
          <div key={at}>
            <code>{name}</code>: {value}
          </div>
        ))}
      </dd>
      <dt>{word.recordValue}</dt>
      <dd>
        <Code label={word.recordValue}>{pretty(record.value)}</Code>
        <span className="quiet">{word.recordBytes(number(record.bytes, language))}</span>
      </dd>
    </dl>
  );
}

interface Props {
  document: Entity;
  sample: Sample;
  onSample: (sample: Sample) => void;
  shown: { answer: Answer | undefined; error: unknown };
}

export function Preview({ document, sample, onSample, shown: { answer, error } }: Props) {
  const word = useWords(own);
  const [isMissing, setMissing] = useState(false);
  const [failed, setFailed] = useState<unknown>();
  const { connectors } = useConnectors();
  const isOutside = isInbound(document);
  const isRecord = connectors.some(({ name, sends_records }) => sends_records && name === sourceTypeOf(document));
  const filters = (document.source as { filters?: string[] } | undefined)?.filters ?? [];
  const takeNewest = async () => {
    setMissing(false);
    setFailed(undefined);
    try {
      for (const filter of filters) {
        const found = await api.get<Page<{ topic: string; payload?: string }>>("/messages", {
          query: { filter, limit: 1, order: "newest" },
        });
        const newest = found.items[0];
        if (newest) return onSample({ ...sample, topic: newest.topic, payload: newest.payload ?? "" });
      }
      setMissing(true);
    } catch (refused) {
      setFailed(refused);
    }
  };
  // The record is what this is about; where it goes may not be chosen yet.
  const problem = unlessAway(error);
  return (
    <Card title={isOutside ? word.previewMessage : word.preview} size="small">
      <div className="sample">
        <Input
          aria-label={word.sampleTopic}
          placeholder={word.sampleTopic}
          value={sample.topic}
          onChange={(event) => onSample({ ...sample, topic: event.target.value })}
        />
        {isOutside && isRecord && (
          <Input
            aria-label={word.recordKey}
            placeholder={word.recordKey}
            value={sample.key}
            onChange={(event) => onSample({ ...sample, key: event.target.value })}
          />
        )}
        <Input.TextArea
          aria-label={word.samplePayload}
          placeholder={word.samplePayload}
          className="code"
          rows={2}
          value={sample.payload}
          onChange={(event) => onSample({ ...sample, payload: event.target.value })}
        />
        {!isOutside && (
          <Button size="small" onClick={takeNewest} disabled={filters.length === 0}>
            {word.takeNewest}
          </Button>
        )}
        {isMissing && <span className="quiet">{word.noStored}</span>}
      </div>
      <ProblemAlert error={failed} />
      {problem ? <ProblemAlert error={problem} /> : answer && <Shown answer={answer} />}
    </Card>
  );
}
