// Every field that a form shows, in Chinese: its name and its help, as the server says it now.
import { readFileSync } from "node:fs";
import { load } from "js-yaml";
import { expect, test } from "vitest";
import documents from "../../api/documents.json";
import { chineseNames } from "./field_names";
import chinese from "./help_zh";
import type { Schema } from "./schema";

const reference = (name: string) => readFileSync(`../docs/reference/${name}`, "utf8");

const helps = new Set<string>();
const names = new Set<string>();

function visit(schema: Schema | undefined) {
  if (!schema) return;
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    names.add(name);
    if (field.description) helps.add(field.description);
    visit(field);
  }
  [schema.items, ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].forEach(visit);
  if (typeof schema.additionalProperties === "object") visit(schema.additionalProperties);
}

const { components } = load(reference("openapi.yaml")) as { components: { schemas: Record<string, Schema> } };
visit(components.schemas.Connection);
visit(components.schemas.Task);
const { task, inbound, ...bodies } = documents as unknown as Record<string, Schema>;
visit({ properties: task as unknown as Record<string, Schema> });
visit({ properties: inbound as unknown as Record<string, Schema> });
Object.values(bodies).forEach(visit);
for (const [, summary] of reference("connectors.md").matchAll(/^## \w+\n\n(.+)$/gm)) helps.add(summary!);

test("each help text of the server has a Chinese one, in help_zh.ts, and none is left over", () => {
  expect(helps.size).toBeGreaterThan(150);
  expect([...helps].filter((text) => !chinese[text])).toEqual([]);
  expect(Object.keys(chinese).filter((text) => !helps.has(text))).toEqual([]);
});

test("each field has a Chinese name, in field_names.ts", () => {
  expect(names.size).toBeGreaterThan(100);
  expect([...names].filter((name) => !chineseNames[name])).toEqual([]);
});
