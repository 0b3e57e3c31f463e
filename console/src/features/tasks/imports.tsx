// A connection and a task from what TBMQ or EMQX has.
import { Alert, Button, Card, Checkbox, Form, Input, Radio } from "antd";
import { useState } from "react";
import { Link } from "react-router-dom";
import { api } from "../../api/client";
import type { Connection } from "../../api/connectors";
import type { Task } from "../../api/task";
import { useAction } from "../../components/action";
import { Page } from "../../components/page";
import { ProblemAlert } from "../../components/problem";
import { common } from "../../words/common";
import { useWords } from "../../words/language";
import { pathOf } from "./actions";
import { own } from "./words";

interface Imported {
  connection: Connection;
  task: Task;
  notes: string[];
}

export default function Imports() {
  const word = useWords(own);
  const all = useWords(common);
  const act = useAction();
  const [format, setFormat] = useState("tbmq");
  const [text, setText] = useState("");
  const [isVerified, setVerified] = useState(true);
  const [error, setError] = useState<unknown>();
  const [made, setMade] = useState<Imported>();
  const take = async () => {
    setError(undefined);
    let body: unknown;
    try {
      body = JSON.parse(text);
    } catch (wrong) {
      return setError(new Error(`${all.notJson}: ${(wrong as Error).message}`));
    }
    try {
      const query = { verify: isVerified ? undefined : false };
      setMade(await api.post<Imported>("/imports/{format}", { parts: { format }, query, body }));
      await act(async () => undefined);
    } catch (refused) {
      setError(refused);
    }
  };
  return (
    <Page title={word.importTitle} help={word.importHelp}>
      {made ? (
        <Card className="narrow">
          <Alert
            className="problem"
            type="success"
            showIcon
            message={word.imported(made.connection.name, made.task.name)}
          />
          {made.notes.length > 0 && (
            <>
              <h2>{word.notes}</h2>
              <ul>
                {made.notes.map((note) => (
                  <li key={note}>{note}</li>
                ))}
              </ul>
            </>
          )}
          <Link to={pathOf(made.task.name)}>
            <Button type="primary">{word.toTask}</Button>
          </Link>
        </Card>
      ) : (
        <Card className="narrow">
          <Radio.Group className="gap" value={format} onChange={(event) => setFormat(event.target.value)}>
            <Radio value="tbmq">{word.importTbmq}</Radio>
            <Radio value="emqx">{word.importEmqx}</Radio>
          </Radio.Group>
          <Form.Item label={all.json} htmlFor="import-document">
            <Input.TextArea
              id="import-document"
              className="code"
              rows={10}
              spellCheck={false}
              value={text}
              onChange={(event) => setText(event.target.value)}
            />
          </Form.Item>
          <Checkbox checked={isVerified} onChange={(event) => setVerified(event.target.checked)}>
            {word.importVerify}
          </Checkbox>
          <ProblemAlert error={error} /> {/* beside what was pressed: the document may be long */}
          <div className="buttons">
            <Button type="primary" disabled={text.trim() === ""} onClick={take}>
              {word.importDo}
            </Button>
          </div>
        </Card>
      )}
    </Page>
  );
}
