// The properties of MQTT 5 as the forms of this page name them, and as MQTT.js takes them.
import type { IClientPublishOptions } from "mqtt";
import { rowsOf } from "../../components/schema_form/pairs";
import type { Schema } from "../../components/schema_form/schema";
import type { Document } from "../../components/schema_form/schema_form";
import type { own } from "./words";

type Word = (typeof own)["zh"];
type OfMessage = NonNullable<IClientPublishOptions["properties"]>;

export const most16 = 0xffff;
export const most32 = 0xffff_ffff;
const encoder = new TextEncoder();

// Of a connection's settings, or of its form: MQTT 5 unless they say otherwise.
export function hasProperties({ version }: { version?: unknown }) {
  return version !== "3.1.1";
}

export function bytesIn(text: string, isHex: boolean) {
  if (!isHex) return encoder.encode(text);
  const digits = text.replace(/\s+/g, "");
  if (!/^([0-9a-f]{2})*$/i.test(digits)) return undefined;
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

// MQTT.js takes what is undefined for a wrong value.
export function defined<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}

// Typed as text: what is no number stays there then, and is refused.
export function whole(minimum: number, maximum: number, standard?: number): Schema {
  return { anyOf: [{ type: "integer" }, { type: "string" }], minimum, maximum, default: standard };
}

export function numberOf(value: unknown) {
  return value === undefined || value === "" ? undefined : Number(value);
}

export function rows(description: string): Schema {
  const text: Schema = { type: "string" };
  return { type: "array", items: { type: "object", properties: { name: text, value: text } }, description };
}

// MQTT.js takes an object, with one place for each name. Of an array it writes one object after the
// other: so names stay in their order, and may repeat. One without any it never sends.
export function userPropertiesOf(value: unknown) {
  const given = rowsOf(value).filter(({ name, value: text }) => name !== "" || text !== "");
  if (given.length === 0) return undefined;
  return given.map(({ name, value: text }) => ({ [name]: text })) as unknown as OfMessage["userProperties"];
}

// Of a message that is published, and of a will.
export function messageProperties(word: Word): Record<string, Schema> {
  return {
    content_type: { type: "string" },
    user_properties: rows(word.userPropertiesHelp),
    message_expiry: whole(0, most32),
    response_topic: { type: "string", format: "topic" },
    correlation_data: { type: "string" },
    correlation_data_is_hex: { type: "boolean" },
    payload_is_text: { type: "boolean" },
  };
}

export function messageLabels(word: Word) {
  return {
    content_type: word.contentType,
    user_properties: word.userProperties,
    message_expiry: word.messageExpiry,
    response_topic: word.responseTopic,
    correlation_data: word.correlation,
    correlation_data_is_hex: word.correlationIsHex,
    payload_is_text: word.payloadIsText,
  };
}

export function messagePropertiesOf(document: Document): OfMessage {
  const correlation = document.correlation_data as string | undefined;
  return defined({
    contentType: document.content_type as string | undefined,
    userProperties: userPropertiesOf(document.user_properties),
    messageExpiryInterval: numberOf(document.message_expiry),
    responseTopic: document.response_topic as string | undefined,
    correlationData:
      correlation === undefined ? undefined : (bytesIn(correlation, document.correlation_data_is_hex === true) as never),
    payloadFormatIndicator: document.payload_is_text === true ? true : undefined,
  });
}
