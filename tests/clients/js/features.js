// What MQTT.js offers beyond client.js, feature by feature: `features.js TCP_PORT WSS_PORT CA.pem`,
// against a server that has the users `meter` and `device`, both with the password `secret`.
// Prints a line for each, and ends with 0.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
// The packages lie in the cache, not here.
const mqtt = require(path.join(process.env.NODE_MODULES, 'mqtt'));

const [tcp, wss, authority] = process.argv.slice(2);
const secured = {ca: fs.readFileSync(authority)};
const password = {username: 'meter', password: 'secret'};
const METHOD = 'SCRAM-SHA-256';

function open(name, options = {}, url = `mqtt://127.0.0.1:${tcp}`) {
  return mqtt.connect(url, {
    clientId: `features-${name}`, protocolVersion: 5, reconnectPeriod: 0, ...options});
}

function connected(client) {
  return new Promise((done, failed) => {
    client.once('connect', done);
    client.once('error', failed);
  });
}

async function come(name, options = {}, url = undefined) {
  const client = open(name, {...password, ...options}, url);
  await connected(client);
  client.inbox = [];
  client.wanted = [];
  client.on('message', (topic, payload, packet) => {
    const message = {topic, payload: `${payload}`, packet};
    client.wanted.length ? client.wanted.shift()(message) : client.inbox.push(message);
  });
  client.next = () => client.inbox.length ? client.inbox.shift() :
      new Promise((done) => client.wanted.push(done));
  return client;
}

// --- SCRAM-SHA-256, the client's side: RFC 5802

const hmac = (key, text) => crypto.createHmac('sha256', key).update(text).digest();

class Scram {
  constructor(user, secret) {
    this.secret = secret;
    this.bare = `n=${user},r=${crypto.randomBytes(18).toString('base64url')}`;
  }
  first() { return Buffer.from(`n,,${this.bare}`); }
  final(challenge) {
    const parts = Object.fromEntries(
        `${challenge}`.split(',').map((part) => [part[0], part.slice(2)]));
    const salted = crypto.pbkdf2Sync(
        this.secret, Buffer.from(parts.s, 'base64'), Number(parts.i), 32, 'sha256');
    const rest = `c=biws,r=${parts.r}`;
    const said = `${this.bare},${challenge},${rest}`;
    const key = hmac(salted, 'Client Key');
    const stored = crypto.createHash('sha256').update(key).digest();
    const signature = hmac(stored, said);
    const proof = key.map((byte, index) => byte ^ signature[index]);
    this.expected = `v=${hmac(hmac(salted, 'Server Key'), said).toString('base64')}`;
    return Buffer.from(`${rest},p=${Buffer.from(proof).toString('base64')}`);
  }
}

async function logIn() {
  let exchange = new Scram('meter', 'secret');
  const client = open('scram', {
    ...secured,
    properties: {authenticationMethod: METHOD, authenticationData: exchange.first()}},
  `wss://localhost:${wss}/mqtt`);
  let again;
  client.handleAuth = (packet, answer) => {
    if (packet.reasonCode === 0) return again(packet);
    answer(null, {
      cmd: 'auth', reasonCode: 0x18, properties: {
        authenticationMethod: METHOD,
        authenticationData: exchange.final(packet.properties.authenticationData)}});
  };
  const connack = await connected(client);
  const isProven = `${connack.properties.authenticationData}` === exchange.expected;
  console.log(`login ${connack.reasonCode} ${isProven ? 'with' : 'without'} a proof of the server`);
  exchange = new Scram('meter', 'secret');
  const done = new Promise((resolve) => { again = resolve; });
  client._writePacket({cmd: 'auth', reasonCode: 0x19, properties: {
    authenticationMethod: METHOD, authenticationData: exchange.first()}}, () => {});
  console.log('login again', (await done).reasonCode);
  await client.endAsync();
}

async function refused() {
  try {
    await connected(open('wrong', {...password, password: 'wrong'}));
  } catch (error) {
    console.log('wrong password', error.code);
  }
}

async function subscriptionOptions(one, other) {
  await one.subscribeAsync('f/local', {qos: 1, nl: true, rap: true});
  await one.publishAsync('f/local', 'own', {qos: 1});
  await other.publishAsync('f/local', 'of another', {qos: 1, retain: true});
  const found = await one.next();
  console.log(`no local '${found.payload}'${found.packet.retain ? ' retain' : ''}`);
  await other.publishAsync('f/handling', 'kept', {qos: 1, retain: true});
  await one.subscribeAsync('f/handling', {qos: 1, rh: 2});
  await one.subscribeAsync('f/handling', {qos: 1, rh: 1});
  await one.subscribeAsync('f/handling', {qos: 1, rh: 0});
  await other.publishAsync('f/handling', 'end', {qos: 1});
  const kept = [];
  for (let each = await one.next(); each.payload !== 'end'; each = await one.next())
    kept.push(each.payload);
  console.log(`retain handling '${kept.join()}' once`);
}

async function shared(one, other, publisher) {
  let count = 0;
  const done = new Promise((resolve) => {
    for (const member of [one, other])
      member.on('message', (topic) => topic === 'f/shared' && ++count === 20 && resolve());
  });
  for (const member of [one, other]) await member.subscribeAsync('$share/js/f/shared', {qos: 1});
  for (let i = 0; i < 20; ++i) await publisher.publishAsync('f/shared', `${i}`, {qos: 1});
  await done;
  console.log(`shared ${count} of 20`);
  one.inbox.length = other.inbox.length = 0;
}

async function identifiers(one, publisher) {
  await one.subscribeAsync('f/id', {qos: 1, properties: {subscriptionIdentifier: 7}});
  await one.subscribeAsync('f/+', {qos: 1, rh: 2, properties: {subscriptionIdentifier: 9}});
  await publisher.publishAsync('f/id', 'x', {qos: 1});
  const {properties} = (await one.next()).packet;
  console.log('identifiers', [].concat(properties.subscriptionIdentifier).sort().join('+'));
  await one.unsubscribeAsync(['f/id', 'f/+', 'f/local', 'f/handling']);
}

async function request(one, other) {
  await other.subscribeAsync('f/question', {qos: 1});
  await one.subscribeAsync('f/answer', {qos: 1});
  await one.publishAsync('f/question', 'question', {
    qos: 1, properties: {responseTopic: 'f/answer', correlationData: Buffer.from('c')}});
  const {payload, packet: {properties}} = await other.next();
  await other.publishAsync(
      properties.responseTopic, payload,
      {qos: 1, properties: {correlationData: properties.correlationData}});
  const answer = await one.next();
  console.log(`answer '${answer.payload}' '${answer.packet.properties.correlationData}'`);
}

async function aliases(publisher) {
  const reader = await come('aliases', {properties: {topicAliasMaximum: 3}});
  const sent = [];  // before the client has looked aliases up
  reader.on('packetreceive', ({cmd, topic}) => cmd === 'publish' && sent.push(topic || '-'));
  await reader.subscribeAsync('a/b', {qos: 1});
  for (let i = 0; i < 2; ++i)
    await publisher.publishAsync('a/b', `${i}`, {qos: 1});
  const found = [await reader.next(), await reader.next()];
  console.log('alias', sent.join(' '), found.map((each) => each.topic).join(' '));
  await reader.endAsync();
}

async function delayedWill(watcher) {
  await watcher.subscribeAsync('f/will', {qos: 1});
  const dying = await come('dying', {
    clean: false, properties: {sessionExpiryInterval: 600},
    will: {topic: 'f/will', payload: 'gone', qos: 1, properties: {willDelayInterval: 600}}});
  await dying.endAsync(false, {reasonCode: 4, properties: {sessionExpiryInterval: 0}});
  console.log(`delayed will '${(await watcher.next()).payload}' after its session`);
}

async function tooLarge(publisher) {
  const small = await come('small', {properties: {maximumPacketSize: 200, receiveMaximum: 1}});
  await small.subscribeAsync('f/large', {qos: 1});
  await publisher.publishAsync('f/large', 'x'.repeat(300), {qos: 1});
  await publisher.publishAsync('f/large', 'end', {qos: 1});
  console.log('too large:', (await small.next()).payload === 'end' ? 'dropped' : 'delivered');
  await small.endAsync();
}

async function main() {
  await logIn();
  await refused();
  const one = await come('one');
  const other = await come('other', secured, `wss://localhost:${wss}/mqtt`);
  const publisher = await come('publisher', {
    autoAssignTopicAlias: true, properties: {topicAliasMaximum: 5, receiveMaximum: 10}});
  await subscriptionOptions(one, other);
  await shared(one, other, publisher);
  await identifiers(one, publisher);
  await request(one, other);
  await aliases(publisher);
  await delayedWill(other);
  await tooLarge(publisher);
}

setTimeout(() => {
  console.error('no end in time');
  process.exit(1);
}, 60000).unref();
main().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
