// Names with values, a row each.
import { Button, Input } from "antd";
import { MinusCircleOutlined, PlusOutlined } from "@ant-design/icons";
import { useState } from "react";
import { common } from "../../words/common";
import { useWords, words } from "../../words/language";

const own = words({ repeated: "This name is there already" }, { repeated: "此名称已存在" });

export interface Row {
  name: string;
  value: string;
}

interface Props {
  id: string;
  value: unknown;
  onChange: (value: unknown) => void;
  isDisabled?: boolean;
}

interface LineProps {
  row: Row;
  onChange: (row: Row) => void;
  onRemove: () => void;
  isDisabled?: boolean;
  isWrong?: boolean;
}

// Of a list of rows, or of a map.
export function rowsOf(value: unknown): Row[] {
  if (Array.isArray(value)) return value as Row[];
  return Object.entries((value as Record<string, string> | undefined) ?? {}).map(([name, text]) => ({ name, value: text }));
}

function mapOf(rows: Row[]) {
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
}

function Line({ row, onChange, onRemove, isDisabled, isWrong }: LineProps) {
  const word = useWords(common);
  return (
    <div className="pair">
      <Input
        aria-label={word.name}
        aria-invalid={isWrong}
        status={isWrong ? "error" : undefined}
        value={row.name}
        disabled={isDisabled}
        onChange={(event) => onChange({ ...row, name: event.target.value })}
      />
      <Input
        aria-label={word.value}
        value={row.value}
        disabled={isDisabled}
        onChange={(event) => onChange({ ...row, value: event.target.value })}
      />
      <Button type="text" aria-label={word.remove} disabled={isDisabled} icon={<MinusCircleOutlined />} onClick={onRemove} />
    </div>
  );
}

interface LinesProps {
  id: string;
  rows: Row[];
  onChange: (rows: Row[]) => void;
  isDisabled?: boolean;
  repeated?: string[];
}

function Lines({ id, rows, onChange, isDisabled, repeated = [] }: LinesProps) {
  const word = useWords(common);
  const words = useWords(own);
  return (
    <div className="pairs" id={id}>
      {rows.map((row, at) => (
        <Line
          key={at}
          row={row}
          isDisabled={isDisabled}
          isWrong={repeated.includes(row.name)}
          onChange={(next) => onChange(rows.map((other, i) => (i === at ? next : other)))}
          onRemove={() => onChange(rows.filter((_, i) => i !== at))}
        />
      ))}
      {repeated.length > 0 && <div role="alert">{words.repeated}</div>}
      <Button
        icon={<PlusOutlined />}
        disabled={isDisabled || rows.some(({ name }) => name === "")}
        onClick={() => onChange([...rows, { name: "", value: "" }])}
      >
        {word.add}
      </Button>
    </div>
  );
}

// In the order of its rows; a name may be there several times.
export function Rows({ value, onChange, ...props }: Props) {
  return <Lines {...props} rows={rowsOf(value)} onChange={(rows) => onChange(rows.length > 0 ? rows : undefined)} />;
}

// A map has each name once. While one is typed it may be another one's for a moment: what was typed
// stays, as long as the document is what came of it.
export function Pairs({ value, onChange, ...props }: Props) {
  const [typed, setTyped] = useState(() => rowsOf(value));
  const isOwn = JSON.stringify(mapOf(typed)) === JSON.stringify(value ?? {});
  const rows = isOwn ? typed : rowsOf(value);
  const names = rows.map(({ name }) => name);
  const write = (next: Row[]) => {
    setTyped(next);
    onChange(next.length > 0 ? mapOf(next) : undefined);
  };
  return <Lines {...props} rows={rows} repeated={names.filter((name, at) => names.indexOf(name) !== at)} onChange={write} />;
}
