// What is wrong with what was typed stands at its field, and nothing is sent: over most of it MQTT.js ends
// the connection without a word, or sends what makes the server end it, again after each reconnect.
import { ApiError, type FieldProblem } from "../../api/client";
import { rowsOf } from "../../components/schema_form/pairs";
import { kindOf, type Schema } from "../../components/schema_form/schema";
import type { Document } from "../../components/schema_form/schema_form";
import { bytesIn, most16 } from "./properties";
import type { own } from "./words";

export type Word = (typeof own)["zh"];

const isEmpty = (value: unknown) => value === undefined || value === "";

// Of what is shown; also where fields were filled in and emptied again.
export function isEmptyGroup({ properties = {} }: Schema, group: Document = {}) {
  const values = Object.keys(properties).map((name) => group[name]);
  return values.every((value) => isEmpty(value) || value === false || value === 0);
}

function isWhole(value: unknown, { minimum = 0, maximum = Infinity }: Schema) {
  const text = String(value).trim();
  return /^\d+$/.test(text) && Number(text) >= minimum && Number(text) <= maximum;
}

function wrongText(text: string, isHex: boolean, field: Schema, word: Word) {
  const bytes = bytesIn(text, isHex);
  if (!bytes) return word.notHex;
  if (field.format === "topic" && /[+#]/.test(text)) return word.wildcards;
  return bytes.length > most16 ? word.tooLong : undefined;
}

function wrongIn(field: Schema, value: unknown, isHex: boolean, word: Word) {
  if (field.enum) return field.enum.includes(value as never) ? undefined : word.oneOf(field.enum.join(", "));
  if (field.minimum !== undefined)
    return isWhole(value, field) ? undefined : word.whole(String(field.minimum), String(field.maximum));
  if (kindOf(field) === "rows") {
    const texts = rowsOf(value).flatMap((row) => [row.name, row.value]);
    return texts.map((text) => wrongText(text, false, {}, word)).find(Boolean);
  }
  return typeof value === "string" ? wrongText(value, isHex, field, word) : undefined;
}

// By what the schema says; `NAME_is_hex` beside a field says that its text is hexadecimal digits.
export function problemsOf(schema: Schema, document: Document, word: Word, prefix = ""): FieldProblem[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const pointer = `${prefix}/${name}`;
    const value = document[name];
    if (kindOf(field) === "group") return problemsOf(field, (value ?? {}) as Document, word, pointer);
    const needed = schema.required?.includes(name) ? word.needed : undefined;
    const isHex = document[`${name}_is_hex`] === true;
    const detail = isEmpty(value) ? needed : wrongIn(field, value, isHex, word);
    return detail ? [{ pointer, detail }] : [];
  });
}

export function refuse(problems: FieldProblem[], detail: (count: number) => string) {
  if (problems.length === 0) return;
  throw new ApiError({ status: 0, code: "console", detail: detail(problems.length), fields: problems });
}
