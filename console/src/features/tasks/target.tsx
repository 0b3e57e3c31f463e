// Where a task's messages go: a system outside by its declaration, or into this server.
import { Collapse } from "antd";
import { useConnectors } from "../../api/connectors";
import { useHelp } from "../../components/schema_form/help";
import { SchemaForm } from "../../components/schema_form/schema_form";
import { wrongAt } from "../../components/schema_form/wrong";
import { useWords } from "../../words/language";
import { isInbound, part, partsOf, topicOf } from "./document";
import { Choices, Connected, type StepProps } from "./step";
import { TopicRight } from "./topic_right";
import { own } from "./words";

function Mapping({ document, set, problems, first }: StepProps & { first: number }) {
  return (
    <SchemaForm
      schema={partsOf(document).map}
      omit={["jq"]}
      first={first}
      prefix="/map"
      value={part(document, "map")}
      problems={problems}
      onChange={(next) => set("map", next)}
    />
  );
}

function Delivery({ document, set, problems }: StepProps) {
  const word = useWords(own);
  const isWrong = problems.some(({ pointer }) => pointer.startsWith("/delivery"));
  return (
    <Collapse
      ghost
      key={isWrong ? "wrong" : "right"}
      defaultActiveKey={isWrong ? ["delivery"] : []}
      items={[
        {
          key: "delivery",
          label: `${word.delivery}: ${word.deliveryHelp}`,
          children: (
            <SchemaForm
              schema={partsOf(document).delivery}
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
  );
}

function Outside(props: StepProps) {
  const { document, set, problems } = props;
  const word = useWords(own);
  const { connectors } = useConnectors();
  const help = useHelp();
  const sink = part(document, "sink");
  const topic = topicOf(document, props.madeTopic);
  const connector = connectors.find(({ name }) => name === sink.type);
  return (
    <>
      <Choices
        label={word.connector}
        choices={connectors.map(({ name, summary }) => ({ name, title: name, summary: help(summary) ?? "" }))}
        chosen={sink.type as string | undefined}
        onChoose={(type) => set("sink", { type })}
        {...wrongAt(problems, "/sink/type")}
      />
      {connector && (
        <>
          {connector.needs_connection && <Connected {...props} of="sink" />}
          <Mapping {...props} first={1} />
          {connector.needs_connection && (
            <TopicRight
              key={`${String(sink.connection)} ${topic}`}
              connection={sink.connection as string | undefined}
              topic={topic}
            />
          )}
          <h2>{word.sink}</h2>
          <SchemaForm
            schema={connector.sink}
            prefix="/sink"
            first={2}
            value={sink}
            problems={problems}
            onChange={(next) => set("sink", next)}
          />
          <Delivery {...props} />
        </>
      )}
    </>
  );
}

export function Target(props: StepProps) {
  const word = useWords(own);
  if (!isInbound(props.document)) return <Outside {...props} />;
  return (
    <>
      <p>{word.targetLocal}</p>
      <Mapping {...props} first={3} />
      <Delivery {...props} />
    </>
  );
}
