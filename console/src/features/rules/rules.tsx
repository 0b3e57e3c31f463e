// What the server does with clients and messages by rule: three kinds.
import { schemaOf } from "../../api/documents";
import { Crud } from "../../components/crud";
import { number, time } from "../../components/format";
import { common } from "../../words/common";
import { useLanguage, useWords } from "../../words/language";
import { own } from "./words";

interface BlockRule {
  name: string;
  description: string;
  type: string;
  value: string;
  until: string | null;
}

export function BlockRules() {
  const word = useWords(own);
  const all = useWords(common);
  const language = useLanguage();
  return (
    <Crud<BlockRule>
      title={word.blockTitle}
      help={word.blockHelp}
      create={word.blockCreate}
      empty={word.blockEmpty}
      path="/block-rules"
      one="/block-rules/{name}"
      createSchema={schemaOf("createBlockRule")}
      filters={[
        { name: "name", label: all.name },
        { name: "type", label: word.of, options: ["client_id", "user", "address"] },
      ]}
      columns={[
        { title: word.of, dataIndex: "type" },
        { title: word.value, render: (_, { value }) => <code>{value}</code> },
        { title: word.until, render: (_, { until }) => (until ? time(until, language) : word.always) },
        { title: all.description, dataIndex: "description" },
      ]}
      deletion={() => word.blockDeletion}
    />
  );
}

interface EnrichmentRule {
  name: string;
  description: string;
  priority: number;
  enabled: boolean;
  topics: string[];
}

export function EnrichmentRules() {
  const word = useWords(own);
  const all = useWords(common);
  const language = useLanguage();
  return (
    <Crud<EnrichmentRule>
      title={word.enrichTitle}
      help={word.enrichHelp}
      create={word.enrichCreate}
      empty={word.enrichEmpty}
      path="/enrichment-rules"
      one="/enrichment-rules/{name}"
      createSchema={schemaOf("createEnrichmentRule")}
      columns={[
        { title: word.enabled, render: (_, { enabled }) => (enabled ? all.yes : all.no) },
        { title: word.priority, dataIndex: "priority", align: "right" },
        { title: word.topics, render: (_, { topics }) => <div className="reason">{(topics ?? []).join(", ")}</div> },
        { title: all.description, dataIndex: "description" },
      ]}
      deletion={({ topics }) => word.enrichDeletion(number((topics ?? []).length, language))}
    />
  );
}

interface AutoSubscription {
  name: string;
  description: string;
  filters: string[];
  qos: number;
}

export function AutoSubscriptions() {
  const word = useWords(own);
  const all = useWords(common);
  const language = useLanguage();
  return (
    <Crud<AutoSubscription>
      title={word.autoTitle}
      help={word.autoHelp}
      create={word.autoCreate}
      empty={word.autoEmpty}
      path="/auto-subscriptions"
      one="/auto-subscriptions/{name}"
      createSchema={schemaOf("createAutoSubscription")}
      columns={[
        { title: word.filters, render: (_, { filters }) => <div className="reason">{(filters ?? []).join(", ")}</div> },
        { title: word.qos, dataIndex: "qos" },
        { title: all.description, dataIndex: "description" },
      ]}
      deletion={({ filters }) => word.autoDeletion(number((filters ?? []).length, language))}
    />
  );
}
