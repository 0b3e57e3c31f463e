// What a CONNECT may say, and what is wrong with it.
import type { FieldProblem } from "../../api/client";
import type { Schema } from "../../components/schema_form/schema";
import type { Document } from "../../components/schema_form/schema_form";
import { isEmptyGroup, problemsOf, type Word } from "./check";
import { hasProperties, messageLabels, messageProperties, most16, most32, rows, whole } from "./properties";

function willOf(word: Word, isFive: boolean): Schema {
  return {
    type: "object",
    properties: {
      topic: { type: "string", format: "topic" },
      payload: { type: "string" },
      payload_is_hex: { type: "boolean" },
      qos: { enum: [0, 1, 2], default: 0 },
      retain: { type: "boolean", default: false },
      ...(isFive && { delay: whole(0, most32, 0), ...messageProperties(word) }),
    },
  };
}

function propertiesOfFive(word: Word): Record<string, Schema> {
  return {
    session_expiry: whole(0, most32, 0),
    receive_maximum: whole(1, most16, most16),
    maximum_packet_size: { ...whole(1, most32), description: word.maximumPacketSizeHelp },
    topic_alias_maximum: { ...whole(0, most16, 0), description: word.topicAliasMaximumHelp },
    request_problem_information: { type: "boolean", default: true, description: word.requestProblemHelp },
    request_response_information: { type: "boolean", default: false, description: word.requestResponseHelp },
    user_properties: rows(word.userPropertiesHelp),
  };
}

export function connectSchema(word: Word, isFive: boolean): Schema {
  return {
    type: "object",
    required: ["url", "client_id"],
    properties: {
      url: { type: "string", description: word.urlHelp },
      client_id: { type: "string" },
      username: { type: "string" },
      password: { type: "string", writeOnly: true, description: word.passwordHelp },
      version: { enum: ["5.0", "3.1.1"], default: "5.0" },
      clean_start: { type: "boolean", default: true },
      keep_alive: whole(0, most16, 60),
      ...(isFive && propertiesOfFive(word)),
      will: willOf(word, isFive),
    },
  };
}

function willLabels(word: Word) {
  const labels = {
    ...messageLabels(word),
    topic: word.topic,
    payload: word.payload,
    payload_is_hex: word.isHex,
    retain: word.retain,
    delay: word.willDelay,
  };
  return Object.fromEntries(Object.entries(labels).map(([name, label]) => [`will/${name}`, label]));
}

export function connectLabels(word: Word): Record<string, string> {
  return {
    url: word.url,
    client_id: word.clientId,
    username: word.username,
    password: word.password,
    version: word.version,
    clean_start: word.cleanStart,
    keep_alive: word.keepAlive,
    session_expiry: word.sessionExpiry,
    receive_maximum: word.receiveMaximum,
    maximum_packet_size: word.maximumPacketSize,
    topic_alias_maximum: word.topicAliasMaximum,
    request_problem_information: word.requestProblem,
    request_response_information: word.requestResponse,
    user_properties: word.userProperties,
    will: word.will,
    ...willLabels(word),
  };
}

function isAddress(text: unknown) {
  try {
    const { protocol, hash } = new URL(String(text));
    return (protocol === "ws:" || protocol === "wss:") && hash === "";
  } catch {
    return false;
  }
}

export function connectProblems(document: Document, word: Word): FieldProblem[] {
  const { url, username, password } = document;
  const isFive = hasProperties(document);
  const will = document.will as Document | undefined;
  const hasWill = !isEmptyGroup(willOf(word, isFive), will);
  const found = problemsOf(connectSchema(word, isFive), document, word);
  if (url && !isAddress(url)) found.push({ pointer: "/url", detail: word.noAddress });
  if (password && !username) found.push({ pointer: "/password", detail: word.passwordAlone });
  if (hasWill && !will?.topic) found.push({ pointer: "/will/topic", detail: word.willNeedsTopic });
  return found;
}
