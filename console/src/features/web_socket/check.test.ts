import { expect, test } from "vitest";
import type { FieldProblem } from "../../api/client";
import type { Document } from "../../components/schema_form/schema_form";
import { connectProblems } from "./connect_form";
import { Connection } from "./connection";
import { publishProblems } from "./publish_form";
import { own } from "./words";

const word = own.en as (typeof own)["zh"];
const told = (problems: FieldProblem[]) => problems.map(({ pointer, detail }) => `${pointer} ${detail}`);

const settings = { url: "ws://127.0.0.1:8083/mqtt", client_id: "a" };
const connect = (more: Document) => told(connectProblems({ ...settings, ...more }, word));

function publish(more: Document, { version, most = 64 }: { version?: "3.1.1"; most?: number } = {}) {
  const connection = new Connection({ ...settings, version });
  connection.answer = { topicAliasMaximum: most, maximumPacketSize: 1024 };
  connection.aliases.set(3, "plant/1");
  return told(publishProblems({ topic: "plant/1", ...more }, connection, word));
}

test("numbers of a message are whole and in their range", () => {
  for (const wrong of ["-1", "soon", "1.5", "4294967296", "1e3"])
    expect(publish({ message_expiry: wrong })).toEqual(["/message_expiry Must be a whole number from 0 to 4294967295"]);
  for (const right of ["0", "4294967295", " 60 ", 60, ""]) expect(publish({ message_expiry: right })).toEqual([]);
  for (const wrong of ["0", "65536", "first"])
    expect(publish({ topic_alias: wrong })).toEqual(["/topic_alias Must be a whole number from 1 to 65535"]);
  expect(publish({ qos: 3 })).toEqual(["/qos Must be one of 0, 1, 2"]);
});

test("a topic alias is one that the server takes, and stands alone only for a topic it was sent with", () => {
  expect(publish({ topic_alias: "64" })).toEqual([]);
  expect(publish({ topic_alias: "65" })).toEqual(["/topic_alias This server takes topic aliases from 1 to 64"]);
  expect(publish({ topic_alias: "1" }, { most: 0 })).toEqual(["/topic_alias This server takes no topic aliases"]);
  expect(publish({ topic: "", topic_alias: "3" })).toEqual([]);
  for (const alias of ["4", undefined])
    expect(publish({ topic: "", topic_alias: alias })).toEqual([
      "/topic Must be given, unless its alias was sent with it before on this connection",
    ]);
});

test("texts: no wildcard in a topic, digits where hex is said, and no longer than MQTT takes", () => {
  expect(publish({ topic: "plant/+" })).toEqual(["/topic Must not contain + or #: these are for filters"]);
  expect(publish({ response_topic: "#" })).toEqual(["/response_topic Must not contain + or #: these are for filters"]);
  expect(publish({ payload: "0g", is_hex: true })).toEqual(["/payload Must be pairs of hexadecimal digits, such as 01 fe"]);
  const correlation = { correlation_data: "abc", correlation_data_is_hex: true };
  expect(publish(correlation)).toEqual(["/correlation_data Must be pairs of hexadecimal digits, such as 01 fe"]);
  expect(publish({ ...correlation, correlation_data_is_hex: false })).toEqual([]);
  expect(publish({ content_type: "é".repeat(32768) })).toEqual(["/content_type Must be at most 65535 bytes long"]);
  expect(publish({ content_type: "e".repeat(65535) })).toEqual([]);
  const rows = [{ name: "a", value: "b" }, { name: "a", value: "c".repeat(65536) }];
  expect(publish({ user_properties: rows })).toEqual(["/user_properties Must be at most 65535 bytes long"]);
});

test("a message is no larger than what the server takes", () => {
  expect(publish({ payload: "é".repeat(508) })).toEqual([]); // and the topic's seven
  expect(publish({ payload: "é".repeat(509) })).toEqual(["/payload The message is larger than the 1024 bytes that this server takes"]);
});

test("of MQTT 3.1.1 no properties are looked at: none is sent", () => {
  expect(publish({ message_expiry: "soon" }, { version: "3.1.1" })).toEqual([]);
  expect(publish({ topic: "", topic_alias: "3" }, { version: "3.1.1" })).toEqual(["/topic Must be given"]);
  expect(connect({ version: "3.1.1", receive_maximum: "0", will: { delay: "x" } })).toEqual([]);
});

test("a connection's numbers, address and password", () => {
  expect(connect({ keep_alive: "65536" })).toEqual(["/keep_alive Must be a whole number from 0 to 65535"]);
  expect(connect({ receive_maximum: "0" })).toEqual(["/receive_maximum Must be a whole number from 1 to 65535"]);
  expect(connect({ maximum_packet_size: "0" })).toEqual(["/maximum_packet_size Must be a whole number from 1 to 4294967295"]);
  expect(connect({ topic_alias_maximum: "-1" })).toEqual(["/topic_alias_maximum Must be a whole number from 0 to 65535"]);
  expect(connect({ client_id: "" })).toEqual(["/client_id Must be given"]);
  for (const wrong of ["127.0.0.1:8083", "http://a/mqtt", "ws://", "ws://a/mqtt#1"])
    expect(connect({ url: wrong })).toEqual(["/url Must begin with ws:// or wss://, such as ws://server:8083/mqtt"]);
  expect(connect({ password: "secret" })).toEqual(["/password A password needs a user"]);
  expect(connect({ username: "meter", password: "secret" })).toEqual([]);
});

test("a will has a topic, and what is said of it is right", () => {
  expect(connect({ will: { retain: false, payload: "", qos: 0 } })).toEqual([]);
  expect(connect({ will: { payload: "gone" } })).toEqual([
    "/will/topic A will needs a topic; without a will, leave its fields empty",
  ]);
  expect(connect({ will: { topic: "a/#", delay: "-5", payload: "0g", payload_is_hex: true, qos: 3 } })).toEqual([
    "/will/topic Must not contain + or #: these are for filters",
    "/will/payload Must be pairs of hexadecimal digits, such as 01 fe",
    "/will/qos Must be one of 0, 1, 2",
    "/will/delay Must be a whole number from 0 to 4294967295",
  ]);
});
