// What an edited task no longer delivers of what waits for it: by which of its fields.
import type { Entity } from "../../api/client";
import type { Document } from "../../components/schema_form/schema_form";
import { isInbound, part } from "./document";

export type By =
  | "filters"
  | "account"
  | "where"
  | "jq"
  | "verify"
  | "maximum_age"
  | "give_up_after"
  | "expired"
  | "rejected"
  | "shed_oldest"
  | "shed_qos0"
  | "hold";

export interface GivenUp {
  by: By;
  value?: unknown; // of the field, where it is a bound
  filters?: string[]; // that are gone
}

// As the server has it: `#` stands for its parent, too, and what begins with `$` is named as such.
export function coversFilter(wide: string, narrow: string) {
  const [own, other] = [wide.split("/"), narrow.split("/")];
  for (const [at, level] of own.entries()) {
    if (/^[#+]$/.test(level) && at === 0 && narrow.startsWith("$")) return false;
    if (level === "#") return true;
    if (other[at] === undefined || other[at] === "#") return false;
    if (level !== "+" && level !== other[at]) return false;
  }
  return own.length === other.length;
}

// A filter that is added counts from now on: what waits is taken by those alone that stay.
function goneFilters(before: Document, after: Document) {
  const named = (source: Document) => [source.filters, source.topics].flatMap((list) => (Array.isArray(list) ? list.map(String) : []));
  const left = named(after);
  const kept = named(before).filter((filter) => left.includes(filter));
  return named(before).filter((filter) => !kept.some((one) => coversFilter(one, filter)));
}

const units: Record<string, number> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

// Of a time or a size as documents have it; none, and what is no number, bounds nothing.
function boundOf(value: unknown) {
  if (typeof value === "number") return value;
  const parts = /^ *(\d+) *([A-Za-z]*) *$/.exec(String(value ?? ""));
  return parts ? Number(parts[1]) * (units[parts[2]!] ?? 1) : Infinity;
}

const isOther = (before: unknown, after: unknown) => JSON.stringify(before) !== JSON.stringify(after);
const isGiven = (value: unknown) => value !== undefined && value !== null && value !== "";
const backlog = 2 ** 30; // of one that says nothing

function shedBy(before: Document, after: Document): GivenUp[] {
  const by = after.backpressure;
  if (by !== "shed_oldest" && by !== "shed_qos0") return [];
  const sheds = before.backpressure === by || before.backpressure === "shed_oldest";
  const bounds = [before, after].map((delivery) => boundOf(delivery.backlog_bytes ?? backlog));
  return sheds && bounds[1]! >= bounds[0]! ? [] : [{ by, value: after.backlog_bytes ?? backlog }];
}

const withoutJq = (map: unknown) => ({ ...(map as Document | undefined), jq: undefined }); // asked about by itself

// What can be rejected that is dropped then; a dead letter is kept.
function droppedBy(before: Entity, after: Entity): GivenUp[] {
  const [was, is] = [part(before, "delivery"), part(after, "delivery")];
  if (is.rejected !== "drop") return [];
  if (was.rejected !== "drop") return [{ by: "rejected" }];
  const [waited, waits] = [was, is].map((delivery) => (delivery.retry as Document | undefined)?.give_up_after);
  return [
    ...(isGiven(after.verify) && isOther(before.verify, after.verify) ? [{ by: "verify" as const }] : []),
    ...(isOther(withoutJq(before.map), withoutJq(after.map)) || isOther(before.sink, after.sink)
      ? [{ by: "rejected" as const }]
      : []),
    ...(boundOf(waits) < boundOf(waited) ? [{ by: "give_up_after" as const, value: waits }] : []),
  ];
}

// Another one's denies take messages away; that its policies allow each filter is seen to when it is saved.
function deniedBy(before: Entity, after: Entity): GivenUp[] {
  const { account } = after;
  if (isInbound(after) || !isGiven(account) || !isOther(before.account, account)) return [];
  return [{ by: "account", value: account }];
}

export function givenUp(before: Entity, after: Entity): GivenUp[] {
  const filters = goneFilters(part(before, "source"), part(after, "source"));
  const [was, is] = [part(before, "delivery"), part(after, "delivery")];
  const [jqBefore, jq] = [part(before, "map").jq, part(after, "map").jq];
  const isLess = (name: string) => boundOf(is[name]) < boundOf(was[name]);
  return [
    ...(filters.length > 0 ? [{ by: "filters" as const, filters }] : []),
    ...deniedBy(before, after),
    ...(isGiven(after.where) && isOther(before.where, after.where) ? [{ by: "where" as const }] : []),
    ...(isGiven(jq) && isOther(jqBefore, jq) ? [{ by: "jq" as const }] : []),
    ...(isLess("maximum_age") ? [{ by: "maximum_age" as const, value: is.maximum_age }] : []),
    ...(is.expired === "drop" && was.expired !== "drop" ? [{ by: "expired" as const }] : []),
    ...droppedBy(before, after),
    ...shedBy(was, is),
    ...(isLess("hold_segments_bytes") ? [{ by: "hold" as const, value: is.hold_segments_bytes }] : []),
  ];
}
