// Schemas of documents, as the server declares them (tools/documents.mjs).
import type { Schema } from "../components/schema_form/schema";
import all from "./documents.json";

type Name = Exclude<keyof typeof all, "task">;

export function schemaOf(name: Name) {
  return all[name] as unknown as Schema;
}

export const taskParts = all.task as unknown as Record<"where" | "verify" | "map" | "delivery", Schema>;
