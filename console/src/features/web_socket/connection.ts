// A connection of this page to the server, as an MQTT client over WebSocket. It goes on while other
// pages are shown.
import type { IClientOptions, IClientPublishOptions, IClientSubscribeOptions, MqttClient } from "mqtt";
import { Ring } from "./ring";
import { Signal } from "./signal";

export interface Settings {
  url: string;
  client_id: string;
  username?: string;
  password?: string;
  version?: "5.0" | "3.1.1";
  clean_start?: boolean;
  keep_alive?: number;
  session_expiry?: number;
  receive_maximum?: number;
  user_properties?: Record<string, string>;
  will?: { topic?: string; payload?: string; qos?: number; retain?: boolean };
}

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
}

export type Status = "connecting" | "connected" | "waiting" | "disconnected";

const kept = 5000; // messages
const keptBytes = 16 * 1024; // of each payload
const reconnectMs = 3000;
const takenOver = 0x8e; // to come back would throw the other one out
const encoder = new TextEncoder();

// MQTT.js says `Buffer`; in a browser any bytes do.
type Bytes = Parameters<MqttClient["publish"]>[1];

export class Connection {
  readonly state = new Signal(); // all but messages and their counts
  readonly traffic = new Signal();
  readonly messages = new Ring<Seen>(kept);
  readonly subscriptions = new Map<string, Subscribed>();
  status: Status = "disconnected";
  problem = "";
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
    const client = mqtt.connect(this.settings.url, optionsOf(this.settings));
    this.client = client;
    client.on("connect", () => {
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
    const granted = await this.connected().subscribeAsync(filter, options);
    for (const { topic, qos } of granted) this.subscriptions.set(topic, { filter: topic, qos });
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
    this.see({ isSent: true, topic, qos, retain, dup: false, properties: properties as Properties }, payload);
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

export function optionsOf(settings: Settings): IClientOptions {
  const { will } = settings;
  const isFive = settings.version !== "3.1.1";
  return {
    clientId: settings.client_id,
    username: settings.username || undefined,
    password: settings.password || undefined,
    protocolVersion: isFive ? 5 : 4,
    clean: settings.clean_start ?? true,
    keepalive: settings.keep_alive ?? 60,
    reconnectPeriod: reconnectMs,
    // Another thread would be made from a text, which the policy of this page does not take.
    timerVariant: "native",
    properties: isFive
      ? defined({
          sessionExpiryInterval: settings.session_expiry,
          receiveMaximum: settings.receive_maximum,
          userProperties: settings.user_properties,
        })
      : undefined,
    will: will?.topic
      ? {
          topic: will.topic,
          payload: encoder.encode(will.payload ?? "") as never,
          qos: (will.qos ?? 0) as 0 | 1 | 2,
          retain: will.retain ?? false,
        }
      : undefined,
  };
}
