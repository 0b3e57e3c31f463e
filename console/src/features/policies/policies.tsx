import { Alert, Tag } from "antd";
import { schemaOf } from "../../api/documents";
import { useGet } from "../../api/live";
import { Crud } from "../../components/crud";
import { common } from "../../words/common";
import { useLanguage, useWords } from "../../words/language";
import { valueWord } from "../../words/values";
import { isFeltLater, Lost, lossOf, lossOfSaving, takesSomething } from "./loss";
import { PolicyTest } from "./policy_test";
import { own } from "./words";

interface Policy {
  name: string;
  description: string;
  effect: "allow" | "deny";
  operations: string[];
  resources: string[];
  users: string[];
  client_ids: string[];
  sources: string[];
}

function Whom({ users, client_ids, sources }: Policy) {
  const word = useWords(own);
  const some = [...(users ?? []), ...(client_ids ?? []), ...(sources ?? [])];
  return <div className="reason">{some.length > 0 ? some.join(", ") : word.anybody}</div>;
}

// The switch is a setting, which this server takes from its settings file.
function Switch() {
  const word = useWords(own);
  const overview = useGet<{ access_enabled: boolean }>("/overview");
  if (!overview.data) return null;
  const isOn = overview.data.access_enabled;
  return (
    <Alert
      className="problem"
      type={isOn ? "success" : "error"}
      showIcon
      message={isOn ? word.isOn : word.isOff}
      description={word.switch}
    />
  );
}

export default function Policies() {
  const word = useWords(own);
  const language = useLanguage();
  const all = useWords(common);
  return (
    <Crud<Policy>
      title={word.title}
      help={word.help}
      create={word.create}
      empty={word.empty}
      path="/policies"
      one="/policies/{name}"
      createSchema={schemaOf("createPolicy")}
      start={{ effect: "allow", operations: ["connect", "publish", "subscribe"] }}
      filters={[
        { name: "name_contains", label: all.name, isWhole: false },
        { name: "effect", label: word.effect, options: ["allow", "deny"] },
      ]}
      isWide
      columns={[
        {
          title: word.effect,
          render: (_, { effect }) => <Tag color={effect === "allow" ? "green" : "red"}>{valueWord(effect, language)}</Tag>,
        },
        { title: word.operations, render: (_, { operations }) => operations.map((each) => valueWord(each, language)).join(", ") },
        {
          title: word.resources,
          render: (_, { resources }) => <div className="reason">{resources.join(", ")}</div>,
        },
        { title: word.whom, render: (_, policy) => <Whom {...policy} /> },
      ]}
      saving={async (policy, changes) => {
        const loss = await lossOfSaving(changes ? { name: changes.name, policy: changes.patch } : { policy });
        return loss && (takesSomething(loss) || isFeltLater(policy, changes?.patch)) && <Lost loss={loss} />;
      }}
      deletion={async ({ name, effect }) => (
        <>
          <p>{effect === "allow" ? word.deleteAllow : word.deleteDeny}</p>
          <Lost loss={await lossOf({ name })} />
        </>
      )}
    >
      <Switch />
      <PolicyTest />
    </Crud>
  );
}
