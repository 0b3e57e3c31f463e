// What a PUBLISH may say, and what is wrong with it.
import type { IClientPublishOptions } from "mqtt";
import type { FieldProblem } from "../../api/client";
import type { Schema } from "../../components/schema_form/schema";
import type { Document } from "../../components/schema_form/schema_form";
import { problemsOf, type Word } from "./check";
import type { Connection } from "./connection";
import { bytesIn, defined, hasProperties, messageProperties, messagePropertiesOf, most16, numberOf, whole } from "./properties";

export function publishSchema(word: Word): Schema {
  const alias = { ...whole(1, most16), description: word.topicAliasHelp };
  return { type: "object", properties: { ...messageProperties(word), topic_alias: alias } };
}

// What an MQTT client sends for this document.
export function optionsOf(document: Document, isFive: boolean): IClientPublishOptions {
  const options: IClientPublishOptions = {
    qos: (document.qos ?? 0) as 0 | 1 | 2,
    retain: document.retain === true,
  };
  if (!isFive) return options;
  const given = defined({ ...messagePropertiesOf(document), topicAlias: numberOf(document.topic_alias) });
  if (Object.keys(given).length > 0) options.properties = given;
  return options;
}

// Over an alias that the server does not take, or does not know, MQTT.js never answers.
function aliasProblems(document: Document, { answer, aliases }: Connection, word: Word): FieldProblem[] {
  const alias = numberOf(document.topic_alias);
  const most = Number(answer.topicAliasMaximum ?? 0);
  if (alias !== undefined && alias > most)
    return [{ pointer: "/topic_alias", detail: most === 0 ? word.noAliases : word.aliasAbove(String(most)) }];
  const isNamed = Boolean(document.topic) || (alias !== undefined && aliases.has(alias));
  return isNamed ? [] : [{ pointer: "/topic", detail: word.topicOrAlias }];
}

function propertyProblems(document: Document, connection: Connection, word: Word): FieldProblem[] {
  const found = problemsOf(publishSchema(word), document, word);
  const isNoNumber = found.some(({ pointer }) => pointer === "/topic_alias");
  return isNoNumber ? found : [...found, ...aliasProblems(document, connection, word)];
}

// The server ends the connection over a packet that is larger than it takes, and MQTT.js sends it again after each
// reconnect. What stands around topic and payload is not counted.
function payloadProblems({ topic, payload, is_hex }: Document, { answer }: Connection, word: Word): FieldProblem[] {
  const most = Number(answer.maximumPacketSize ?? Infinity);
  const bytes = bytesIn(String(payload ?? ""), is_hex === true);
  if (!bytes) return [{ pointer: "/payload", detail: word.notHex }];
  const size = bytes.length + bytesIn(String(topic ?? ""), false)!.length;
  return size > most ? [{ pointer: "/payload", detail: word.tooLarge(String(most)) }] : [];
}

export function publishProblems(document: Document, connection: Connection, word: Word): FieldProblem[] {
  const isFive = hasProperties(connection.settings);
  const schema: Schema = {
    required: isFive ? [] : ["topic"],
    properties: { topic: { type: "string", format: "topic" }, qos: { enum: [0, 1, 2] } },
  };
  const found = [...problemsOf(schema, document, word), ...payloadProblems(document, connection, word)];
  return isFive ? [...found, ...propertyProblems(document, connection, word)] : found;
}
