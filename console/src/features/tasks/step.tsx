// What the steps of a task's form have in common.
import { useQuery } from "@tanstack/react-query";
import { Form, Select, type FormItemProps } from "antd";
import { useState } from "react";
import { Link } from "react-router-dom";
import type { Entity, FieldProblem, Page } from "../../api/client";
import type { Connection } from "../../api/connectors";
import { counted } from "../../api/counted";
import { useGet } from "../../api/live";
import { number } from "../../components/format";
import { wrongAt } from "../../components/schema_form/wrong";
import { statusWord } from "../../components/status";
import { useLanguage, useWords } from "../../words/language";
import { part } from "./document";
import { own } from "./words";

export interface StepProps {
  document: Entity;
  set: (name: string, value: unknown) => void;
  replace: (document: Entity) => void;
  problems: FieldProblem[];
  isKnown: boolean; // it exists: what it reads from stays of its kind
  madeTopic?: string; // of the record that the sample becomes
  makesAccount: boolean; // the user that it runs as, with policies for what it reads or publishes
  setMakesAccount: (makes: boolean) => void;
}

interface ChoicesProps extends Pick<FormItemProps, "validateStatus" | "help"> {
  label: string;
  choices: { name: string; title: string; summary: string }[];
  chosen: string | undefined;
  onChoose: (name: string) => void;
}

export function Choices({ label, choices, chosen, onChoose, ...wrong }: ChoicesProps) {
  return (
    <Form.Item label={label} required {...wrong}>
      <div className="choices" role="group" aria-label={label}>
        {choices.map(({ name, title, summary }) => (
          <button
            key={name}
            type="button"
            className="choice"
            aria-pressed={chosen === name}
            onClick={() => chosen !== name && onChoose(name)}
          >
            <strong>{title}</strong>
            <span>{summary}</span>
          </button>
        ))}
      </div>
    </Form.Item>
  );
}

// Those of one type that the server has, as far as they are read; of more, the one whose name was typed.
function useConnections(type: string, typed: string) {
  const { data } = useQuery({
    queryKey: ["/connections", "of", type],
    queryFn: () => counted<Connection>("/connections", { type }),
  });
  const isAsked = data !== undefined && data.isCut && typed !== "";
  const one = useGet<Page<Connection>>("/connections", { query: { type, name: typed } }, isAsked);
  const found = isAsked ? (one.data?.items ?? []) : [];
  const others = found.filter(({ id }) => data!.items.every((known) => known.id !== id));
  return { data, items: [...(data?.items ?? []), ...others] };
}

// The connection of a source or sink.
export function Connected({ document, set, problems, of }: StepProps & { of: "source" | "sink" }) {
  const word = useWords(own);
  const end = part(document, of);
  const language = useLanguage();
  const type = String(end.type);
  const [typed, setTyped] = useState("");
  const { data, items } = useConnections(type, typed.trim());
  return (
    <Form.Item
      label={word.connection}
      htmlFor="task-connection"
      required
      extra={data?.isCut && word.connectionsCut(number(data.read, language))}
      {...wrongAt(problems, `/${of}/connection`)}
    >
      <Select
        id="task-connection"
        showSearch
        value={end.connection as string | undefined}
        options={items.map(({ name, status, bound_resource }) => ({
          value: name,
          label: `${name} · ${bound_resource} · ${statusWord(status, language)}`,
        }))}
        onSearch={setTyped}
        onChange={(connection) => set(of, { ...end, connection })}
      />
      {data && items.length === 0 && (
        <p className="quiet">
          {word.noConnection(type)} <Link to="/connections/new">{word.makeConnection}</Link>
        </p>
      )}
    </Form.Item>
  );
}
