// Each value that is shown as a word, in Chinese: statuses, what lists are filtered by, the states of
// a trace, and the choices of forms. A protocol's own names are the same in both languages.
import { readdirSync, readFileSync } from "node:fs";
import { load } from "js-yaml";
import { expect, test } from "vitest";
import documents from "../api/documents.json";
import { tones } from "../components/status";
import type { Schema } from "../components/schema_form/schema";
import { choiceWord, valueWord } from "./values";
import chinese from "./values_zh";

const protocols = [
  ..."PLAINTEXT SSL SASL_PLAINTEXT SASL_SSL PLAIN SCRAM-SHA-256 SCRAM-SHA-512 OAUTHBEARER".split(" "),
  ..."POST PUT gzip snappy lz4 zstd avro protobuf json file http kafka mqtt 5 3.1.1 1 2 3 4 0".split(" "),
];
const values = new Set<string>([...Object.keys(tones), "ready"]);

function visit(schema: Schema | undefined) {
  if (!schema) return;
  for (const value of schema.enum ?? []) if (value !== null) values.add(String(value));
  [schema.items, ...Object.values(schema.properties ?? {}), ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].forEach(visit);
}

const { components } = load(readFileSync("../docs/reference/openapi.yaml", "utf8")) as {
  components: { schemas: Record<string, Schema> };
};
visit(components.schemas.Connection);
visit(components.schemas.Task);
const { task, inbound, ...bodies } = documents as unknown as Record<string, Schema>;
visit({ properties: task as unknown as Record<string, Schema> });
visit({ properties: inbound as unknown as Record<string, Schema> });
Object.values(bodies).forEach(visit);

// Filters of lists, as pages name their choices.
const pages = readdirSync("src/features", { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".tsx"));
const filters = pages.flatMap((name) =>
  [...readFileSync(`src/features/${name}`, "utf8").matchAll(/label: [\w.]+, options: (.+?) \}/g)].map(([, options]) => options!),
);
for (const options of filters) for (const value of JSON.parse(options) as string[]) values.add(value);

// How far consumers are with a message, as the guide explains it; and what a client's trace tells.
const [, states = ""] = /\| it says \|[^\n]*\n\|[-| ]*\n([\s\S]*?)\n\n/.exec(readFileSync("../docs/guide/finding-messages.md", "utf8")) ?? [];
for (const [, state] of states.matchAll(/`([a-z_]+)`(?=[^|]*\| (?!when it came))/g)) values.add(state!);
["received", "sent", "sent_again", "acknowledged"].forEach((event) => values.add(event));

test("all of them are found", () => {
  expect(filters.length).toBeGreaterThan(8);
  for (const known of ["newest", "deny", "task.failed", "in_flight", "not_kept", "exactly_once", "round_robin", "enrichment-rules"])
    expect(values).toContain(known);
});

test("each value has its meaning in values_zh.ts, and none is left over", () => {
  expect([...values].filter((value) => !protocols.includes(value) && !chinese[value])).toEqual([]);
  expect(Object.keys(chinese).filter((value) => !values.has(value))).toEqual([]);
});

test("a form's choice names the value, too, and English does not change it", () => {
  expect(choiceWord("at_least_once", "zh")).toBe("至少一次（at_least_once）");
  expect(choiceWord("viewer", "zh")).toBe("只读（viewer）");
  expect(choiceWord("gzip", "zh")).toBe("gzip");
  expect([choiceWord("at_least_once", "en"), valueWord("connected", "en")]).toEqual(["at_least_once", "connected"]);
  expect(valueWord("connected", "zh")).toBe("在线");
});
