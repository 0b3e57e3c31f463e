// A document as a form and as JSON, side by side: what is changed in one is changed in the other.
import { Form, Input } from "antd";
import { useEffect, useState } from "react";
import type { FieldProblem } from "../api/client";
import { common } from "../words/common";
import { useWords } from "../words/language";
import type { Schema } from "./schema_form/schema";
import { SchemaForm, type Document } from "./schema_form/schema_form";

interface Props {
  schema: Schema;
  value: Document;
  onChange: (value: Document) => void;
  problems?: FieldProblem[];
  locked?: string[];
  omit?: string[];
}

export function DocumentEditor({ schema, value, onChange, problems, locked, omit }: Props) {
  const word = useWords(common);
  const [text, setText] = useState(() => JSON.stringify(value, null, 2));
  const [wrong, setWrong] = useState("");
  useEffect(() => {
    setText((known) => {
      try {
        if (JSON.stringify(JSON.parse(known)) === JSON.stringify(value)) return known;
      } catch {
        // the form was changed while the text was no JSON: the form wins
      }
      setWrong("");
      return JSON.stringify(value, null, 2);
    });
  }, [value]);
  const write = (next: string) => {
    setText(next);
    try {
      const parsed: unknown = JSON.parse(next);
      if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) throw new Error("{ }");
      setWrong("");
      onChange(parsed as Document);
    } catch (fault) {
      setWrong(`${word.notJson}: ${(fault as Error).message}`);
    }
  };
  return (
    <div className="two">
      <SchemaForm
        schema={schema}
        value={value}
        onChange={onChange}
        problems={problems}
        locked={locked}
        omit={omit}
        first={20}
      />
      <Form.Item
        label={word.json}
        htmlFor="document-json"
        layout="vertical"
        validateStatus={wrong ? "error" : undefined}
        help={wrong || undefined}
      >
        <Input.TextArea
          id="document-json"
          className="code"
          rows={12}
          spellCheck={false}
          value={text}
          onChange={(event) => write(event.target.value)}
        />
      </Form.Item>
    </div>
  );
}
