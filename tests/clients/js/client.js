// MQTT.js against a server: `client.js 3|5 tcp|tls|ws PORT TOPIC [CA.pem]`.
// Uses what the client offers, prints a line for each thing that came, and ends with 0.
'use strict';
const fs = require('fs');
const path = require('path');
// The packages lie in the cache, not here.
const mqtt = require(path.join(process.env.NODE_MODULES, 'mqtt'));

const [version, transport, port, topic, authority] = process.argv.slice(2);
const is5 = version === '5';
const schemes = {tcp: 'mqtt', tls: 'mqtts', ws: 'ws'};
const url = `${schemes[transport]}://127.0.0.1:${port}${transport === 'ws' ? '/mqtt' : ''}`;

function connect(name, options = {}) {
  return mqtt.connectAsync(url, {
    clientId: `js-${name}-${version}-${transport}`,
    protocolVersion: is5 ? 5 : 4,
    keepalive: 20,
    reconnectPeriod: 0,
    ca: transport === 'tls' ? fs.readFileSync(authority) : undefined,
    ...options,
  });
}

function show(name, packet, payload) {
  const {contentType, responseTopic, payloadFormatIndicator, userProperties} =
      packet.properties || {};
  const words = [name, packet.qos, packet.retain, `'${payload}'`, contentType, responseTopic,
    payloadFormatIndicator];
  for (const [key, values] of Object.entries(userProperties || {}))
    words.push(`${key}=${[].concat(values).join('+')}`);
  console.log(words.filter((word) => word !== undefined).join(' '));
}

// What comes, one by one.
function inboxOf(client) {
  const come = [], wanted = [];
  client.on('message', (...message) => wanted.length ? wanted.shift()(message) : come.push(message));
  return async (count) => {
    for (let i = 0; i < count; ++i) {
      const [name, payload, packet] =
          come.length ? come.shift() : await new Promise((done) => wanted.push(done));
      show(name, packet, payload);
    }
  };
}

async function main() {
  const session = is5 ? {properties: {sessionExpiryInterval: 300}} : {};
  let reader = await connect('reader', {clean: false, ...session});
  let inbox = inboxOf(reader);
  const granted = await reader.subscribeAsync(
      {[`${topic}/#`]: {qos: 2, rap: true}, [`${topic}/+`]: {qos: 0}});
  console.log('granted', granted.map((each) => each.qos).join(' '));
  const writer = await connect('writer', {
    will: {topic: `${topic}/will`, payload: 'gone', qos: 1},
    ...(is5 ? {properties: {topicAliasMaximum: 5, receiveMaximum: 10}, autoAssignTopicAlias: true} :
        {}),
  });
  for (const qos of [0, 1, 2])
    await writer.publishAsync(`${topic}/${qos}`, `né ${qos}`, {
      qos,
      retain: qos === 1,
      properties: is5 ? {
        contentType: 'text/plain',
        responseTopic: 'answers',
        correlationData: Buffer.from('c'),
        payloadFormatIndicator: true,
        messageExpiryInterval: 500,
        userProperties: {b: ['1', '3'], a: '2'},
      } : undefined,
    });
  await inbox(3);
  writer.stream.destroy();  // no DISCONNECT: the will is due
  await inbox(1);

  await reader.endAsync();
  const late = await connect('late');
  await late.publishAsync(`${topic}/away`, 'kept', {qos: 1});
  await late.endAsync();
  const again = mqtt.connect(url, {
    ...reader.options, properties: is5 ? {sessionExpiryInterval: 0} : undefined, clean: false});
  inbox = inboxOf(again);
  const answer = await new Promise((done) => again.on('connect', done));
  console.log('again', answer.sessionPresent);
  await inbox(1);
  await again.unsubscribeAsync(`${topic}/#`);
  await again.endAsync();
}

setTimeout(() => {
  console.error('no end in time');
  process.exit(1);
}, 30000).unref();
main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
