// A connection of this page to the server, as an MQTT client over WebSocket. It goes on while other
// pages are shown.
import type { IClientOptions, IClientPublishOptions, IClientSubscribeOptions, ISubscriptionMap, MqttClient } from "mqtt";
import type { Row } from "../../components/schema_form/pairs";
import type { Document } from "../../components/schema_form/schema_form";
import { bytesIn, defined, hasProperties, messagePropertiesOf, numberOf, userPropertiesOf } from "./properties";
import { Ring } from "./ring";
import { Signal } from "./signal";

export interface Settings {
  url: string;
  client_id: string;
  username?: string;
  password?: string;
  version?: "5.0" | "3.1.1";
  clean_start?: boolean;
  keep_alive?: Whole;
  session_expiry?: Whole;
  receive_maximum?: Whole;
  maximum_packet_size?: Whole;
  topic_alias_maximum?: Whole;
  request_problem_information?: boolean;
  request_response_information?: boolean;
  user_properties?: Row[];
  will?: Document;
}

type Whole = number | string; // as it was typed

export interface Properties {
  [name: string]: unknown;
}

export interface Seen {
  at: number; // ms
  isSent: boolean;
  topic: string;
  payload: Uint8Array; // its beginning
  bytes: number;
  qos: number;
  retain: boolean;
  dup: boolean;
  properties?: Properties;
}

export interface Subscribed {
  filter: string;
  qos: number; // granted
  identifier?: number;
}

export type Status = "connecting" | "connected" | "waiting" | "disconnected";

const kept = 5000; // messages
const keptBytes = 16 * 1024; // of each payload
const reconnectMs = 3000;
const takenOver = 0x8e; // to come back would throw the other one out

// MQTT.js says `Buffer`; in a browser any bytes do.
type Bytes = Parameters<MqttClient["publish"]>[1];

export class Connection {
  readonly state = new Signal(); // all but messages and their counts
  readonly traffic = new Signal();
  readonly messages = new Ring<Seen>(kept);
  readonly subscriptions = new Map<string, Subscribed>();
  status: Status = "disconnected";
  problem = "";
  answer: Properties = {}; // of the server to CONNECT
  aliases = new Map<number, string>(); // that this connection has given to topics
  received = 0;
  sent = 0;
  private client: MqttClient | undefined;
  private wasConnected = false;

  constructor(public settings: Settings) {}

  async connect() {
    this.disconnect();
    this.wasConnected = false;
    this.set("connecting");
    const { default: mqtt } = await import("mqtt");
    if (this.status !== "connecting") return; // it was called off meanwhile
    let client: MqttClient;
    try {
      client = mqtt.connect(this.settings.url, optionsOf(this.settings));
    } catch (refused) {
      this.set("disconnected", (refused as Error).message); // the browser takes no such address here
      return;
    }
    this.client = client;
    this.listen(client);
  }

  private listen(client: MqttClient) {
    completeTopics(client);
    client.on("connect", ({ properties = {} }) => {
      keepPacketSize(client, numberOf(this.settings.maximum_packet_size));
      this.answer = properties;
      this.aliases.clear();
      this.wasConnected = true;
      this.set("connected");
    });
    client.on("message", (topic, payload, { qos, retain, dup, properties }) => {
      this.received += 1;
      this.see({ isSent: false, topic, qos, retain, dup, properties: properties as Properties }, payload);
    });
    client.on("error", (error) => this.refused(client, error.message));
    client.on("disconnect", ({ reasonCode = 0, properties }) => {
      this.problem = `0x${reasonCode.toString(16).toUpperCase()} ${properties?.reasonString ?? ""}`.trim();
      if (reasonCode === takenOver) this.disconnect();
    });
    client.on("close", () => {
      if (this.client !== client) return;
      if (this.wasConnected) this.set("waiting", this.problem);
      else this.refused(client, "");
    });
  }

  disconnect() {
    this.client?.end();
    this.client = undefined;
    this.subscriptions.clear();
    this.set("disconnected", this.problem);
  }

  async subscribe(filter: string, options: IClientSubscribeOptions) {
    const { properties } = options;
    // MQTT.js does not send what it has sent already, whatever else its options say now.
    const again = { [filter]: options, resubscribe: true } as ISubscriptionMap;
    const granted = this.subscriptions.has(filter)
      ? await this.connected().subscribeAsync(again, { properties } as IClientSubscribeOptions)
      : await this.connected().subscribeAsync(filter, options);
    const identifier = properties?.subscriptionIdentifier;
    for (const { topic, qos } of granted) this.subscriptions.set(topic, { filter: topic, qos, identifier });
    this.state.changed();
  }

  async unsubscribe(filter: string) {
    await this.connected().unsubscribeAsync(filter);
    this.subscriptions.delete(filter);
    this.state.changed();
  }

  async publish(topic: string, payload: Uint8Array, options: IClientPublishOptions) {
    await this.connected().publishAsync(topic, payload as Bytes, options);
    this.sent += 1;
    const { qos = 0, retain = false, properties } = options;
    const alias = properties?.topicAlias;
    if (alias !== undefined && topic !== "") this.aliases.set(alias, topic);
    this.see({ isSent: true, topic: topic || this.topicOf(alias), qos, retain, dup: false, properties: properties as Properties }, payload);
  }

  topicOf(alias: unknown) {
    return this.aliases.get(Number(alias)) ?? "";
  }

  clear() {
    this.messages.clear();
    this.traffic.changed();
  }

  private connected() {
    if (!this.client || this.status !== "connected") throw new Error("not connected");
    return this.client;
  }

  private refused(client: MqttClient, why: string) {
    if (this.client !== client || this.wasConnected) return;
    client.end(true);
    this.client = undefined;
    this.set("disconnected", why || this.problem || "unreachable");
  }

  private see(seen: Omit<Seen, "at" | "payload" | "bytes">, payload: Uint8Array) {
    this.messages.push({
      ...seen,
      at: Date.now(),
      payload: payload.length > keptBytes ? payload.slice(0, keptBytes) : payload,
      bytes: payload.length,
    });
    this.traffic.changed();
  }

  private set(status: Status, problem = "") {
    this.status = status;
    this.problem = problem;
    this.state.changed();
  }
}

// MQTT.js forgets which topic an alias stands for until a message of QoS 2 is released.
function completeTopics(client: MqttClient) {
  const topics = new Map<number, string>();
  client.on("packetreceive", (packet) => {
    if (packet.cmd === "connack") topics.clear();
    const alias = packet.cmd === "publish" ? packet.properties?.topicAlias : undefined;
    if (packet.cmd !== "publish" || alias === undefined) return;
    if (packet.topic !== "") topics.set(alias, packet.topic);
    else packet.topic = topics.get(alias) ?? "";
  });
}

// MQTT.js puts the server's limit in the place of this client's, and would send it as that at a reconnect.
function keepPacketSize({ options }: MqttClient, own: number | undefined) {
  if (!options.properties) return;
  if (own === undefined) delete options.properties.maximumPacketSize;
  else options.properties.maximumPacketSize = own;
}

function willOf(will: Document | undefined, isFive: boolean): IClientOptions["will"] {
  if (!will?.topic) return undefined;
  const delay = numberOf(will.delay);
  return {
    topic: String(will.topic),
    payload: bytesIn(String(will.payload ?? ""), will.payload_is_hex === true) as never,
    qos: (will.qos ?? 0) as 0 | 1 | 2,
    retain: will.retain === true,
    ...(isFive && { properties: defined({ willDelayInterval: delay, ...messagePropertiesOf(will) }) }),
  };
}

function propertiesOf(settings: Settings): IClientOptions["properties"] {
  return defined({
    sessionExpiryInterval: numberOf(settings.session_expiry),
    receiveMaximum: numberOf(settings.receive_maximum),
    maximumPacketSize: numberOf(settings.maximum_packet_size),
    topicAliasMaximum: numberOf(settings.topic_alias_maximum),
    requestProblemInformation: settings.request_problem_information,
    requestResponseInformation: settings.request_response_information,
    userProperties: userPropertiesOf(settings.user_properties),
  });
}

export function optionsOf(settings: Settings): IClientOptions {
  const isFive = hasProperties(settings);
  return {
    clientId: settings.client_id,
    username: settings.username || undefined,
    password: settings.password || undefined,
    protocolVersion: isFive ? 5 : 4,
    clean: settings.clean_start ?? true,
    keepalive: numberOf(settings.keep_alive) ?? 60,
    reconnectPeriod: reconnectMs,
    // Another thread would be made from a text, which the policy of this page does not take.
    timerVariant: "native",
    properties: isFive ? propertiesOf(settings) : undefined,
    will: willOf(settings.will, isFive),
  };
}
