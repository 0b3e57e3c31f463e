// One field of a form, by what its schema says.
import { Input, InputNumber, Select, Switch } from "antd";
import { useLanguage } from "../../words/language";
import { Pairs, Rows } from "./pairs";
import { choicesOf, defaultOf, kindOf, textOf, valueOf, type Schema } from "./schema";

interface Props {
  id: string;
  schema: Schema;
  value: unknown;
  onChange: (value: unknown) => void;
  isDisabled?: boolean;
  describedBy?: string;
}

const separators = [",", "\n", " "];

export function Field({ id, schema, value, onChange, isDisabled, describedBy }: Props) {
  const shared = { id, disabled: isDisabled, "aria-describedby": describedBy };
  const language = useLanguage();
  const placeholder = defaultOf(schema, language);
  const onText = (event: { target: { value: string } }) =>
    onChange(event.target.value === "" ? undefined : event.target.value);
  switch (kindOf(schema)) {
    case "choice":
      return (
        <Select
          {...shared}
          allowClear={schema.default !== undefined}
          value={value as string | undefined}
          placeholder={placeholder}
          options={choicesOf(schema, language)}
          onChange={(chosen) => onChange(chosen)}
        />
      );
    case "switch":
      return (
        <Switch {...shared} checked={Boolean(value ?? schema.default)} onChange={(on) => onChange(on)} />
      );
    case "number":
      return (
        <InputNumber
          {...shared}
          className="wide"
          value={value as number | undefined}
          placeholder={placeholder}
          onChange={(number) => onChange(number ?? undefined)}
        />
      );
    case "choices":
      return (
        <Select
          {...shared}
          mode="multiple"
          value={(value as string[] | undefined) ?? (schema.default as string[] | undefined) ?? []}
          options={choicesOf(schema.items!, language)}
          onChange={(chosen) => onChange(chosen)}
        />
      );
    case "numbers":
      return (
        <Select
          {...shared}
          mode="tags"
          tokenSeparators={separators}
          value={((value ?? schema.default) as number[] | undefined)?.map(String) ?? []}
          onChange={(chosen: string[]) => onChange(chosen.map((text) => (text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text))))}
          open={false}
          suffixIcon={null}
        />
      );
    case "texts":
      return (
        <Select
          {...shared}
          mode="tags"
          tokenSeparators={separators}
          value={(value as string[] | undefined) ?? []}
          onChange={(chosen: string[]) => onChange(chosen.length > 0 ? chosen : undefined)}
          open={false}
          suffixIcon={null}
        />
      );
    case "pairs":
      return <Pairs id={id} value={value} onChange={onChange} isDisabled={isDisabled} />;
    case "rows":
      return <Rows id={id} value={value} onChange={onChange} isDisabled={isDisabled} />;
    case "secret":
      return <Input.Password {...shared} autoComplete="new-password" value={textOf(value)} onChange={onText} />;
    case "secret_text":
    case "long_text":
      return (
        <Input.TextArea
          {...shared}
          rows={2}
          className="code"
          spellCheck={false}
          value={textOf(value)}
          placeholder={placeholder}
          onChange={onText}
        />
      );
    case "any":
      return (
        <Input.TextArea
          {...shared}
          rows={1}
          className="code"
          spellCheck={false}
          key={typeof value === "object" ? "object" : "text"}
          defaultValue={typeof value === "object" && value ? JSON.stringify(value, null, 2) : textOf(value)}
          placeholder={placeholder}
          onChange={(event) => onChange(valueOf(event.target.value))}
        />
      );
    default:
      return <Input {...shared} value={textOf(value)} placeholder={placeholder} spellCheck={false} onChange={onText} />;
  }
}
