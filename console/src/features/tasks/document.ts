// A task's document while it is written, and where its parts are shown.
import type { Entity } from "../../api/client";
import { inboundParts, taskParts, type TaskParts } from "../../api/documents";
import type { Task } from "../../api/task";
import type { Document } from "../../components/schema_form/schema_form";

const written = ["name", "description", "enabled", "account", "source", "where", "verify", "map", "sink", "delivery"];
const here = "local"; // this server: as a source its log, as a sink what clients publish

export const part = (document: Entity, name: string) => (document[name] as Document | undefined) ?? {};

export function sourceTypeOf(document: Entity) {
  return String(part(document, "source").type ?? here);
}

export function isInbound(document: Entity) {
  return sourceTypeOf(document) !== here;
}

export function partsOf(document: Entity): TaskParts {
  return isInbound(document) ? inboundParts : taskParts;
}

// Another kind of source. Where the direction changes, so do target, mapping and delivery.
export function withSource(document: Entity, type: string): Entity {
  const source = type === here ? { filters: [] } : { type };
  if (isInbound(document) === (type !== here)) return { ...document, source };
  const { sink: _, delivery: __, map, ...others } = document;
  const { jq } = (map as Document | undefined) ?? {};
  return {
    ...others,
    source,
    ...(jq === undefined ? {} : { map: { jq } }),
    ...(type === here ? {} : { sink: { type: here } }),
  };
}

// The topic that the task writes to; of a template what it gave for a sample.
export function topicOf(document: Entity, made: string | undefined) {
  const { topic } = part(document, "map");
  if (typeof topic !== "string" || topic === "") return undefined;
  return topic.includes("${") ? made : topic;
}

// Which step shows a field: 0 basics, 1 source, 2 process, 3 target.
export function stepOf(pointer: string) {
  if (/^\/(name|description|enabled|account)/.test(pointer)) return 0;
  if (pointer.startsWith("/source")) return 1;
  if (/^\/(where|verify|map\/jq)/.test(pointer)) return 2;
  return 3;
}

export function editable(task: Task): Entity {
  const entity = task as unknown as Entity;
  return Object.fromEntries(written.filter((name) => name in entity).map((name) => [name, entity[name]]));
}

export function tidied(document: Entity) {
  return Object.fromEntries(Object.entries(document).filter(([, value]) => value !== undefined && value !== ""));
}

// Of a task that is being written: what has no name or target yet gets one that is not kept.
export function previewable(document: Entity) {
  const sink = document.sink as { type?: string } | undefined;
  return {
    ...document,
    name: document.name || "preview",
    map: { topic: "preview", ...(document.map as object) },
    sink: sink?.type ? sink : { type: "file", folder: "preview" },
  };
}
