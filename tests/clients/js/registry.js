// KafkaJS' registry client: `registry.js URL VALUE...`, values in base 64. Prints a line for each:
// what it reads, and in base 64 what it writes of that by the same schema.
'use strict';
const path = require('path');
// The packages lie in the cache, not here.
const {SchemaRegistry} = require(
    path.join(process.env.NODE_MODULES, '@kafkajs/confluent-schema-registry'));

const [url, ...values] = process.argv.slice(2);

async function main() {
  const registry = new SchemaRegistry({host: url});
  for (const text of values) {
    const value = Buffer.from(text, 'base64');
    const read = await registry.decode(value);
    const written = await registry.encode(value.readInt32BE(1), read);
    console.log(JSON.stringify({read, written: written.toString('base64')}));
  }
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
