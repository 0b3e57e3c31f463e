// Writes src/api/documents.json from docs/reference/openapi.yaml, which the server made from its own
// declarations: bodies of operations as JSON Schema, and the parts of a task that every connector
// shares, in either direction. Forms are made from them.
import { readFileSync, writeFileSync } from "node:fs";
import { load } from "js-yaml";
import { serverParts } from "./server_parts.mjs";

const wanted =
  /^(create|change|test)(User|Polic|Administrator|Token|Group|BlockRule|EnrichmentRule|AutoSubscription)|^publishMessage$/;
const source = new URL("../../docs/reference/openapi.yaml", import.meta.url);
const { components, paths } = load(readFileSync(source, "utf8"));

const partsOf = (isIt) => {
  const { account, where, verify, map, delivery } = components.schemas.Task.oneOf.find(({ properties }) => isIt(properties)).properties;
  return { account, where, verify, map, delivery };
};
const found = {
  task: partsOf(({ source }) => source.properties.type.enum.includes("local")),
  inbound: partsOf(({ sink }) => sink.properties.type.enum.includes("local")), // from outside
};
for (const operation of Object.values(paths).flatMap((methods) => Object.values(methods))) {
  const schema = operation.requestBody?.content?.["application/json"]?.schema;
  if (schema && wanted.test(operation.operationId)) found[operation.operationId] = schema;
}
writeFileSync(new URL("../src/api/documents.json", import.meta.url), JSON.stringify(found));

// What is in the console besides our own code: what its own dependencies need, with licences. Tools
// that build it are not in it.
const { dependencies } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const { packages } = JSON.parse(readFileSync(new URL("../package-lock.json", import.meta.url), "utf8"));
const tools = ["vite", "@vitejs/plugin-react", "js-yaml"];
const inside = new Map();
const visit = (name, from) => {
  // As Node looks for it: beside the one that needs it first.
  const places = [`${from}/node_modules/${name}`, `node_modules/${name}`];
  const place = places.find((path) => packages[path]);
  if (!place || inside.has(place)) return;
  const { version, license = "?" } = packages[place];
  inside.set(place, { name, version, license });
  Object.keys(packages[place].dependencies ?? {}).forEach((needed) => visit(needed, place));
};
Object.keys(dependencies)
  .filter((name) => !tools.includes(name))
  .forEach((name) => visit(name, ""));
const named = new Map([...inside.values()].map((one) => [`${one.name} ${one.version}`, one]));
const licences = [...named.values()].sort((one, other) => one.name.localeCompare(other.name, "en"));
writeFileSync(new URL("../src/api/licences.json", import.meta.url), JSON.stringify(licences));
writeFileSync(new URL("../src/api/server_parts.json", import.meta.url), JSON.stringify(serverParts));
