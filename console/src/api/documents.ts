// Schemas of documents, as the server declares them (tools/documents.mjs).
import type { Schema } from "../components/schema_form/schema";
import all from "./documents.json";

type Name = Exclude<keyof typeof all, "task" | "inbound">;

export function schemaOf(name: Name) {
  return all[name] as unknown as Schema;
}

export type TaskParts = Record<"account" | "where" | "verify" | "map" | "delivery", Schema>;

// Of tasks that read this server's log, and of those that bring in from outside.
export const taskParts = all.task as unknown as TaskParts;
export const inboundParts = all.inbound as unknown as TaskParts;
