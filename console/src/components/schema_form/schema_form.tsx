// A form for a document, made from the schema that the server declares. Only what was filled in is
// in the document; everything else keeps its default. What the server refuses stands at its field.
import { Collapse, Form } from "antd";
import { useId, type ReactNode } from "react";
import type { FieldProblem } from "../../api/client";
import { common } from "../../words/common";
import { useLanguage, useWords } from "../../words/language";
import { Field } from "./field";
import { useFieldNames } from "./field_names";
import { useHelp } from "./help";
import { defaultOf, kindOf, labelOf, split, type Schema } from "./schema";
import { covers, wrongAt } from "./wrong";

export type Document = Record<string, unknown>;

interface Props {
  schema: Schema;
  value: Document;
  onChange: (value: Document) => void;
  problems?: FieldProblem[];
  prefix?: string; // of the pointers, where this is a part of a document
  omit?: string[];
  locked?: string[]; // shown, and cannot be changed
  first?: number; // so many optional fields are shown at once
  labels?: Labels;
}

// By name; of a field in a group as `group/name`.
type Labels = Record<string, ReactNode>;

const none: FieldProblem[] = [];

// Undefined where there is nothing to say: it takes no room then.
function useHelpOf(schema: Schema) {
  const word = useWords(common);
  const help = useHelp();
  const standard = defaultOf(schema, useLanguage());
  const isShown = standard !== "" && standard !== "{}" && standard !== "[]";
  const unit = schema["x-unit"];
  if (!schema.description && !unit && !isShown) return undefined;
  return (
    <>
      {help(schema.description)} {unit && <span className="default">{unit === "bytes" ? word.bytesHelp : word.durationHelp}</span>}{" "}
      {isShown && <span className="default">{word.defaultIs(standard)}</span>}
    </>
  );
}

function within(labels: Labels, group: string): Labels {
  const inner = Object.entries(labels).filter(([name]) => name.startsWith(`${group}/`));
  return Object.fromEntries(inner.map(([name, label]) => [name.slice(group.length + 1), label]));
}

function One({ name, ...form }: Props & { name: string }) {
  const { schema, value, onChange, problems = none, prefix = "", locked = [], labels = {} } = form;
  const id = useId();
  const known = useFieldNames();
  const field = schema.properties![name]!;
  const helpOf = useHelpOf(field);
  const pointer = `${prefix}/${name}`;
  const write = (next: unknown) => {
    const { [name]: _, ...others } = value;
    onChange(next === undefined ? others : { ...others, [name]: next });
  };
  const label = labels[name] ?? known[name] ?? labelOf(name);
  if (kindOf(field) === "group")
    return (
      <fieldset className="group">
        <legend>{label}</legend>
        <SchemaForm
          schema={field}
          value={(value[name] as Document | undefined) ?? {}}
          onChange={(next) => write(Object.keys(next).length > 0 ? next : undefined)}
          problems={problems}
          prefix={pointer}
          labels={within(labels, name)}
        />
      </fieldset>
    );
  return (
    <Form.Item
      label={label}
      htmlFor={id}
      required={schema.required?.includes(name)}
      {...wrongAt(problems, pointer)}
      extra={helpOf}
    >
      <Field id={id} schema={field} value={value[name]} onChange={write} isDisabled={locked.includes(name)} />
    </Form.Item>
  );
}

export function SchemaForm(props: Props) {
  const { schema, problems = none, prefix = "", omit = [], first = 6 } = props;
  const word = useWords(common);
  const shown: Schema = {
    ...schema,
    properties: Object.fromEntries(
      Object.entries(schema.properties ?? {}).filter(([name]) => !omit.includes(name)),
    ),
  };
  const [now, later] = split(shown, first);
  const isWrong = later.some((name) => problems.some(({ pointer }) => covers(`${prefix}/${name}`, pointer)));
  return (
    <div className="schema-form">
      {now.map((name) => (
        <One key={name} {...props} name={name} />
      ))}
      {later.length > 0 && (
        <Collapse
          key={isWrong ? "wrong" : "right"}
          ghost
          defaultActiveKey={isWrong ? ["more"] : []}
          items={[
            {
              key: "more",
              label: word.advanced,
              children: later.map((name) => <One key={name} {...props} name={name} />),
            },
          ]}
        />
      )}
    </div>
  );
}

// The pointers that a form over these schemas shows itself.
export function pointersOf(schema: Schema, problems: FieldProblem[], prefix = ""): string[] {
  const names = Object.keys(schema.properties ?? {});
  return problems
    .map(({ pointer }) => pointer)
    .filter((pointer) => names.some((name) => covers(`${prefix}/${name}`, pointer)));
}
