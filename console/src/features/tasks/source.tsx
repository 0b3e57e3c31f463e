// Where a task's messages come from: this server's log, or a system outside by its declaration.
import { DatePicker, Form, Radio, Select } from "antd";
import { useConnectors } from "../../api/connectors";
import { time } from "../../components/format";
import { useHelp } from "../../components/schema_form/help";
import { SchemaForm } from "../../components/schema_form/schema_form";
import { wrongAt } from "../../components/schema_form/wrong";
import { useLanguage, useWords } from "../../words/language";
import { part, sourceTypeOf, withSource } from "./document";
import { Choices, Connected, type StepProps } from "./step";
import { own } from "./words";

interface BeginProps {
  value: unknown;
  onChange: (value: unknown) => void;
  isHere: boolean;
}

function Begin({ value = "now", onChange, isHere }: BeginProps) {
  const word = useWords(own);
  const language = useLanguage();
  const from = typeof value === "object" && value !== null && "time" in value ? value.time : undefined;
  const kind = typeof value === "string" ? value : from === undefined ? undefined : "time";
  const choose = (chosen: string) => onChange(chosen === "time" ? { time: new Date().toISOString() } : chosen);
  return (
    <>
      <Radio.Group value={kind} onChange={(event) => choose(event.target.value)}>
        <Radio value="now">{word.beginNow}</Radio>
        <Radio value="earliest">{isHere ? word.beginEarliest : word.beginOldest}</Radio>
        <Radio value="time">{word.beginTime}</Radio>
      </Radio.Group>
      {from !== undefined && (
        <div className="below">
          <DatePicker
            showTime
            aria-label={word.beginTime}
            placeholder={time(from, language)}
            onChange={(chosen) => chosen && onChange({ time: chosen.toISOString() })}
          />
        </div>
      )}
    </>
  );
}

function Outside(props: StepProps) {
  const { document, set, problems } = props;
  const word = useWords(own);
  const { connectors } = useConnectors();
  const source = part(document, "source");
  const schema = connectors.find(({ name }) => name === source.type)?.source;
  if (!schema) return null;
  return (
    <>
      <Connected {...props} of="source" />
      <SchemaForm
        schema={schema}
        omit={["start"]}
        prefix="/source"
        first={3}
        value={source}
        problems={problems}
        onChange={(next) => set("source", next)}
      />
      {schema.properties?.start && (
        <Form.Item label={word.begin} {...wrongAt(problems, "/source/start")}>
          <Begin value={source.start} isHere={false} onChange={(start) => set("source", { ...source, start })} />
        </Form.Item>
      )}
    </>
  );
}

function Here({ document, set, problems }: StepProps) {
  const word = useWords(own);
  const source = part(document, "source");
  const change = (name: string, value: unknown) => set("source", { ...source, [name]: value });
  return (
    <>
      <Form.Item
        label={word.filters}
        htmlFor="task-filters"
        required
        extra={word.filtersHelp}
        {...wrongAt(problems, "/source/filters")}
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
      <Form.Item label={word.begin} {...wrongAt(problems, "/source/start")}>
        <Begin value={source.start} isHere onChange={(start) => change("start", start)} />
      </Form.Item>
    </>
  );
}

export function Source(props: StepProps) {
  const { document, replace, problems, isKnown } = props;
  const word = useWords(own);
  const help = useHelp();
  const { connectors } = useConnectors();
  const type = sourceTypeOf(document);
  const kinds = [
    { name: "local", title: word.here, summary: word.sourceLocal },
    ...connectors.filter(({ source }) => source).map(({ name, summary }) => ({ name, title: name, summary: help(summary) ?? "" })),
  ];
  return (
    <>
      <Choices
        label={word.sourceKind}
        choices={isKnown ? kinds.filter(({ name }) => name === type) : kinds}
        chosen={type}
        onChoose={(name) => replace(withSource(document, name))}
        {...wrongAt(problems, "/source/type")}
      />
      {type === "local" ? <Here {...props} /> : <Outside {...props} />}
    </>
  );
}
