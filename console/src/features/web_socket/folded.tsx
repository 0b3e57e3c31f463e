// A form that opens by a click, and by itself where something in it is wrong.
import { Collapse } from "antd";
import { useEffect, useState } from "react";
import type { FieldProblem } from "../../api/client";
import type { Schema } from "../../components/schema_form/schema";
import { pointersOf, SchemaForm, type Document } from "../../components/schema_form/schema_form";

interface Props {
  label: string;
  schema: Schema;
  labels: Record<string, string>;
  value: Document;
  onChange: (value: Document) => void;
  problems: FieldProblem[];
}

const key = "form";

export function Folded({ label, ...form }: Props) {
  const [open, setOpen] = useState<string[]>([]);
  const isWrong = pointersOf(form.schema, form.problems).length > 0;
  useEffect(() => {
    if (isWrong) setOpen([key]); // and it stays so once that is mended
  }, [isWrong]);
  return (
    <Collapse
      ghost
      activeKey={isWrong ? [key] : open}
      onChange={(keys) => setOpen([keys].flat())}
      items={[{ key, label, children: <SchemaForm {...form} first={9} /> }]}
    />
  );
}
