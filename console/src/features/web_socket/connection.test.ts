import { Duplex } from "node:stream";
import { MqttClient } from "mqtt";
import { afterEach, expect, test } from "vitest";
import { optionsOf, type Settings } from "./connection";
import { knownConnections, published, rememberConnections, rememberPublished } from "./memory";

afterEach(() => localStorage.clear());

const settings: Settings = { url: "ws://127.0.0.1:8083/mqtt", client_id: "a", password: "secret" };

// What MQTT.js writes at the beginning of a connection.
async function connectPacket(given: Settings) {
  const written: Uint8Array[] = [];
  const stream = new Duplex({
    read: () => undefined,
    write: (chunk: Uint8Array, _, done) => {
      written.push(chunk);
      done();
    },
  });
  const client = new MqttClient(() => stream as never, { ...optionsOf({ ...given, username: "m" }), reconnectPeriod: 0 });
  await new Promise((resolve) => setTimeout(resolve));
  client.end(true);
  return Buffer.concat(written).toString("latin1");
}

// A text or a pair of texts, as MQTT writes them.
const texts = (...all: string[]) => all.map((text) => `\0${String.fromCharCode(text.length)}${text}`).join("");

test("MQTT 3.1.1 has no properties, and a will is there when it has a topic", () => {
  expect(optionsOf({ ...settings, version: "3.1.1", session_expiry: 5 }).properties).toBeUndefined();
  expect(optionsOf({ ...settings, session_expiry: 5 }).properties?.sessionExpiryInterval).toBe(5);
  expect(optionsOf({ ...settings, will: { payload: "gone" } }).will).toBeUndefined();
  expect(optionsOf({ ...settings, will: { topic: "t", qos: 1 } }).will?.qos).toBe(1);
});

const rows = [
  { name: "site", value: "north" },
  { name: "line", value: "4" },
  { name: "site", value: "south" },
];
const pairs = `&${texts("site", "north")}&${texts("line", "4")}&${texts("site", "south")}`; // 0x26 each

test("user properties of CONNECT and of the will are written in their order, a name as often as it is given", async () => {
  const packet = await connectPacket({ ...settings, user_properties: rows, will: { topic: "t", user_properties: rows } });
  expect(packet.split(pairs)).toHaveLength(3);
});

test("all of CONNECT's properties are written, and for MQTT 3.1.1 none", async () => {
  const given: Settings = {
    ...settings,
    session_expiry: "1",
    receive_maximum: "2",
    maximum_packet_size: "3",
    topic_alias_maximum: "4",
    request_problem_information: false,
    request_response_information: true,
  };
  const five = "\x11\0\0\0\x01!\0\x02'\0\0\0\x03\"\0\x04\x17\0\x19\x01";
  expect(await connectPacket(given)).toContain(five);
  expect(await connectPacket({ ...given, version: "3.1.1" })).toContain(`${texts("MQTT")}\x04\xc2\0<${texts("a", "m", "secret")}`);
});

const will = {
  topic: "t",
  payload: "00 ff",
  payload_is_hex: true,
  delay: "5",
  message_expiry: "60",
  content_type: "bytes",
  response_topic: "answers",
  correlation_data: "fe",
  correlation_data_is_hex: true,
  payload_is_text: true,
};

test("a will has all of its properties, and of MQTT 3.1.1 none", () => {
  const five = optionsOf({ ...settings, will }).will;
  expect(five).toEqual({
    topic: "t",
    payload: Uint8Array.of(0, 255),
    qos: 0,
    retain: false,
    properties: {
      willDelayInterval: 5,
      messageExpiryInterval: 60,
      contentType: "bytes",
      responseTopic: "answers",
      correlationData: Uint8Array.of(0xfe),
      payloadFormatIndicator: true,
    },
  });
  const { properties: _, ...others } = five!;
  expect(optionsOf({ ...settings, version: "3.1.1", will }).will).toEqual(others);
});

test("user properties that were remembered as a map are rows now", () => {
  const known = { user_properties: { site: "north", line: "4" } };
  localStorage.setItem("sluice.websocket.connections", JSON.stringify([{ url: "ws://a", client_id: "b", ...known }]));
  localStorage.setItem("sluice.websocket.published", JSON.stringify([{ topic: "a", ...known }, { topic: "b" }]));
  expect(knownConnections()[0]!.user_properties).toEqual(rows.slice(0, 2));
  expect(published()).toEqual([{ topic: "a", user_properties: rows.slice(0, 2) }, { topic: "b" }]);
});

test("a password is not kept, and the same message is kept once", () => {
  rememberConnections([settings]);
  expect(knownConnections()).toEqual([{ url: settings.url, client_id: "a" }]);
  rememberPublished({ topic: "a" });
  rememberPublished({ topic: "b" });
  rememberPublished({ topic: "a" });
  expect(published().map(({ topic }) => topic)).toEqual(["a", "b"]);
});
