// A connection against a server that says what a test has it say. Packets here are shorter than 128 bytes.
import { createServer, type Server, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { Connection, type Settings } from "./connection";

interface Peer {
  url: string;
  packets: Buffer[]; // of the client, each whole
  socket?: Socket; // the newest
}

const connect = 0x10;
const subscribe = 0x82;
let server: Server;
let connection: Connection;

// CONNACK: topic aliases up to 64, packets up to 1 KiB.
const connack = [0x20, 11, 0, 0, 8, 0x22, 0, 64, 0x27, 0, 0, 4, 0];

function answer(socket: Socket, packet: Buffer) {
  if (packet[0] === connect) socket.write(Uint8Array.from(connack));
  if (packet[0] === subscribe) socket.write(Uint8Array.of(0x90, 4, packet[2]!, packet[3]!, 0, 1));
}

async function listen() {
  const peer: Peer = { url: "", packets: [] };
  server = createServer((socket) => {
    peer.socket = socket;
    let rest = Buffer.alloc(0);
    socket.on("error", () => undefined);
    socket.on("data", (data) => {
      rest = Buffer.concat([rest, data]);
      while (rest.length >= 2 && rest.length >= 2 + rest[1]!) {
        const packet = rest.subarray(0, 2 + rest[1]!);
        rest = rest.subarray(packet.length);
        peer.packets.push(packet);
        answer(socket, packet);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  peer.url = `mqtt://127.0.0.1:${(server.address() as { port: number }).port}`;
  return peer;
}

async function open(more: Partial<Settings> = {}) {
  const peer = await listen();
  connection = new Connection({ url: peer.url, client_id: "a", ...more });
  await connection.connect();
  await until(() => connection.status === "connected");
  return peer;
}

const until = (is: () => boolean) => vi.waitFor(() => expect(is()).toBe(true), { timeout: 20_000 });
const of = (type: number, { packets }: Peer) => packets.filter((packet) => packet[0] === type);

// MQTT.js speaks TCP where there is no window.
beforeAll(() => void vi.stubGlobal("window", undefined));
afterAll(() => void vi.unstubAllGlobals());

afterEach(() => {
  connection.disconnect();
  server?.close();
});

test("a message of QoS 2 that comes by its alias alone has its topic", async () => {
  const { socket } = await open({ topic_alias_maximum: 4 });
  const publish = (id: number, topic: string) => [0x34, 8 + topic.length, 0, topic.length, ...Buffer.from(topic), 0, id, 3, 0x23, 0, 1];
  for (const [id, topic] of [[1, "t"], [2, ""]] as const)
    socket!.write(Uint8Array.from([...publish(id, topic), 0x62, 2, 0, id]));
  await until(() => connection.received === 2);
  expect([0, 1].map((at) => connection.messages.at(at)!.topic)).toEqual(["t", "t"]);
});

test("after a reconnect the client still gives its own limit, not the server's", async () => {
  const peer = await open({ maximum_packet_size: "5000" });
  expect(connection.answer.maximumPacketSize).toBe(1024);
  peer.socket!.destroy();
  await until(() => of(connect, peer).length === 2);
  const own = Buffer.from([0x27, 0, 0, 0x13, 0x88]); // 5000
  expect(of(connect, peer).map((packet) => packet.includes(own))).toEqual([true, true]);
});

test("a filter that is subscribed to again is sent again, with its new identifier", async () => {
  const peer = await open();
  await connection.subscribe("a/#", { qos: 1, properties: { subscriptionIdentifier: 7 } });
  expect(connection.subscriptions.get("a/#")).toEqual({ filter: "a/#", qos: 1, identifier: 7 });
  await connection.subscribe("a/#", { qos: 1, nl: true, properties: { subscriptionIdentifier: 8 } });
  expect(connection.subscriptions.get("a/#")!.identifier).toBe(8);
  const packets = of(subscribe, peer);
  expect(packets.map((packet) => [...packet.subarray(4, 7)])).toEqual([[2, 0x0b, 7], [2, 0x0b, 8]]);
  expect(packets.map((packet) => packet.at(-1))).toEqual([1, 5]); // options: QoS 1; not its own
});

test("an alias stands for its topic as long as the connection, and messages are shown with it", async () => {
  await open();
  await connection.publish("plant/1", Uint8Array.of(1), { qos: 0, properties: { topicAlias: 3 } });
  await connection.publish("", Uint8Array.of(2), { qos: 0, properties: { topicAlias: 3 } });
  expect([0, 1].map((at) => connection.messages.at(at)!.topic)).toEqual(["plant/1", "plant/1"]);
  await connection.connect();
  await until(() => connection.status === "connected");
  expect(connection.aliases.size).toBe(0);
});

test("an address that nothing can connect to is a problem that is told", async () => {
  connection = new Connection({ url: "a", client_id: "a" });
  await connection.connect();
  expect([connection.status, connection.problem]).toEqual(["disconnected", "Missing protocol"]);
});
