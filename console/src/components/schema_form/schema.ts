// JSON Schema as the server declares documents: what forms are made from.
import type { Language } from "../../words/language";
import { choiceWord } from "../../words/values";

export interface Schema {
  type?: string | string[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  items?: Schema;
  enum?: (string | number | null)[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  description?: string;
  default?: unknown;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  maxItems?: number;
  format?: string;
  writeOnly?: boolean;
  "x-unit"?: string;
}

export type Kind =
  | "choice"
  | "switch"
  | "number"
  | "secret"
  | "secret_text"
  | "text"
  | "long_text"
  | "choices"
  | "numbers"
  | "texts"
  | "pairs"
  | "rows"
  | "group"
  | "any";

const longText = 2049;

export function typeOf(schema: Schema) {
  return Array.isArray(schema.type) ? schema.type.find((type) => type !== "null") : schema.type;
}

// Null stands for "not given" in what is sent, and no form offers it.
function withoutNull(schema: Schema): Schema {
  const some = schema.anyOf?.filter(({ type }) => type !== "null");
  return some?.length === 1 ? { ...schema, ...some[0], anyOf: undefined } : schema;
}

export function choicesOf({ enum: choices = [] }: Schema, language: Language) {
  return choices
    .filter((choice) => choice !== null)
    .map((choice) => ({ value: choice, label: choiceWord(String(choice), language) }));
}

// What holds when nothing is chosen or written.
export function defaultOf(given: Schema, language: Language) {
  const schema = withoutNull(given);
  const standard = [schema.default].flat();
  if (!schema.enum && !schema.items?.enum) return textOf(schema.default);
  return standard.map((value) => choiceWord(textOf(value), language)).join(language === "zh" ? "、" : ", ");
}

// An object of a name and a value, both of them texts.
function isRow({ properties = {} }: Schema = {}) {
  const fields = Object.entries(properties);
  return fields.length === 2 && fields.every(([name, { type }]) => (name === "name" || name === "value") && type === "string");
}

function isMapOfTexts({ additionalProperties: each }: Schema) {
  return typeof each === "object" && !["object", "array"].includes(typeOf(each) ?? "");
}

export function kindOf(given: Schema): Kind {
  const schema = withoutNull(given);
  if (schema.enum) return "choice";
  const type = typeOf(schema);
  if (type === "boolean") return "switch";
  if (type === "integer" || type === "number") return "number";
  if (type === "array") {
    if (schema.items?.enum) return "choices";
    if (schema.items?.type === "integer") return "numbers";
    if (isRow(schema.items)) return "rows";
    return schema.items?.type === "string" ? "texts" : "any";
  }
  if (type === "object") {
    if (schema.properties) return "group";
    return isMapOfTexts(schema) ? "pairs" : "any";
  }
  if (schema.anyOf) return "text"; // a number, or a number with its unit
  if (type !== "string") return "any";
  const isLong = (schema.maxLength ?? 0) >= longText;
  if (schema.writeOnly) return isLong && schema.maxLength! > 100_000 ? "secret_text" : "secret";
  return isLong ? "long_text" : "text";
}

// `bootstrap_servers` -> `Bootstrap servers`.
const spelled: Record<string, string> = { ca: "CA", json: "JSON", pem: "PEM", qos: "QoS", sasl: "SASL", tls: "TLS", url: "URL" };

export function labelOf(name: string) {
  const spaced = name.split("_").map((word) => spelled[word] ?? word).join(" ");
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

export function textOf(value: unknown) {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

// What was typed where anything may stand: JSON where it looks like it, else text.
export function valueOf(text: string): unknown {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  if (/^[[{"\d]|^(true|false|null)$/.test(trimmed)) {
    try {
      return JSON.parse(trimmed);
    } catch {
      return text;
    }
  }
  return text;
}

// Required fields and the first others; the rest is behind "more settings".
export function split(schema: Schema, first: number): [string[], string[]] {
  const names = Object.keys(schema.properties ?? {});
  const required = names.filter((name) => schema.required?.includes(name));
  const others = names.filter((name) => !required.includes(name));
  const isFew = others.length <= first + 2;
  const shown = isFew ? others : others.slice(0, first);
  return [
    names.filter((name) => required.includes(name) || shown.includes(name)),
    others.filter((name) => !shown.includes(name)),
  ];
}
