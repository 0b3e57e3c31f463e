import { Alert, Button, Collapse, Tag } from "antd";
import { useState } from "react";
import { api } from "../../api/client";
import { schemaOf } from "../../api/documents";
import { Entry } from "../../components/entry";
import { fieldsOf, ProblemAlert } from "../../components/problem";
import { pointersOf, SchemaForm, type Document } from "../../components/schema_form/schema_form";
import { useWords } from "../../words/language";
import { own } from "./words";

interface Answer {
  decision: "allowed" | "denied";
  reason: string;
  policies: { name: string; effect: string }[];
  notes: string[];
}

export function PolicyTest() {
  const word = useWords(own);
  const [value, setValue] = useState<Document>({ operation: "publish" });
  const [answer, setAnswer] = useState<Answer>();
  const [error, setError] = useState<unknown>();
  const problems = fieldsOf(error);
  const schema = schemaOf("testPolicies");
  const ask = async () => {
    setError(undefined);
    setAnswer(undefined);
    try {
      setAnswer(await api.post<Answer>("/policies:test", { body: value }));
    } catch (refused) {
      setError(refused);
    }
  };
  return (
    <Collapse
      className="problem"
      items={[
        {
          key: "test",
          label: word.test,
          children: (
            <div className="two">
              <div>
                <p className="quiet">{word.testHelp}</p>
                <Entry onSubmit={ask}>
                  <ProblemAlert error={error} shown={pointersOf(schema, problems)} />
                  <SchemaForm schema={schema} value={value} onChange={setValue} problems={problems} first={3} />
                  <Button type="primary" htmlType="submit">
                    {word.ask}
                  </Button>
                </Entry>
              </div>
              {answer && (
                <div role="status">
                  <Alert
                    className="problem"
                    type={answer.decision === "allowed" ? "success" : "error"}
                    showIcon
                    message={answer.decision === "allowed" ? word.allowed : word.denied}
                    description={answer.reason}
                  />
                  {answer.policies.map(({ name, effect }) => (
                    <Tag key={name} color={effect === "allow" ? "green" : "red"}>
                      {name}
                    </Tag>
                  ))}
                  {answer.notes.map((note) => (
                    <p key={note} className="quiet">
                      {note}
                    </p>
                  ))}
                </div>
              )}
            </div>
          ),
        },
      ]}
    />
  );
}
