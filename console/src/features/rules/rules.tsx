// What the server does with clients and messages by rule: three kinds.
import { api } from "../../api/client";
import { marked } from "../../api/counted";
import { schemaOf } from "../../api/documents";
import { Crud } from "../../components/crud";
import { number, time } from "../../components/format";
import { common } from "../../words/common";
import { useLanguage, useWords } from "../../words/language";
import { valueWord } from "../../words/values";
import { connectedOf, sessionsOf, type BlockRule } from "./kept_out";
import { own } from "./words";

interface Refusals {
  refused: number;
  last: string | null;
}

export function BlockRules() {
  const word = useWords(own);
  const all = useWords(common);
  const language = useLanguage();
  const deletion = async (rule: BlockRule) => {
    const isOver = rule.until !== null && Date.parse(rule.until) <= Date.now();
    const [{ refused, last }, kept] = await Promise.all([
      api.get<Refusals>("/block-rules/{name}/refusals", { parts: { name: rule.name } }),
      sessionsOf(rule),
    ]);
    const waiting = kept?.items.reduce((sum, { lag_messages: lag }) => sum + (lag ?? 0), 0);
    return (
      <>
        <p>{isOver ? word.blockOver(time(rule.until, language)) : word.blockDeletion}</p>
        <p>{refused > 0 ? word.blockRefused(number(refused, language), time(last, language)) : word.blockRefusedNone}</p>
        {kept && <p>{word.blockSessions(kept.text, marked(number(waiting, language), kept.isCut))}</p>}
        {kept?.isCut && <p>{word.blockCut(number(kept.read, language))}</p>}
      </>
    );
  };
  // What is not said yet, or not rightly, the server names.
  const saving = async ({ type, value, except, until }: Partial<BlockRule>) => {
    if (!type || !value || (until && Date.parse(until) <= Date.now())) return undefined;
    const connected = await connectedOf({ name: "", description: "", type, value, except: except ?? [], until: null });
    if (!connected) return word.blockSavingAny;
    const told = word.blockSaving(connected.text);
    if (connected.isCut) return `${told} ${word.blockCut(number(connected.read, language))}`;
    return connected.items.length > 0 ? told : undefined;
  };
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
        { name: "name_contains", label: all.name, isWhole: false },
        { name: "type", label: word.of, options: ["client_id", "user", "address"] },
      ]}
      columns={[
        { title: word.of, render: (_, { type }) => valueWord(type, language) },
        { title: word.value, render: (_, { value }) => <code>{value}</code> },
        { title: word.until, render: (_, { until }) => (until ? time(until, language) : word.always) },
      ]}
      deletion={deletion}
      saving={saving}
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
      ]}
      deletion={({ filters }) => word.autoDeletion(number((filters ?? []).length, language))}
    />
  );
}
