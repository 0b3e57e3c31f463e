// What this browser remembers of the page: connections without their passwords, and what was
// published last.
import { rowsOf } from "../../components/schema_form/pairs";
import type { Document } from "../../components/schema_form/schema_form";
import type { Settings } from "./connection";

const keys = { connections: "sluice.websocket.connections", published: "sluice.websocket.published" };
const mostPublished = 30;
const mostLength = 4096; // of a document that is remembered

function read<T>(key: string): T[] {
  try {
    const known: unknown = JSON.parse(localStorage.getItem(key) ?? "[]");
    return Array.isArray(known) ? (known as T[]) : [];
  } catch {
    return [];
  }
}

function write(key: string, values: unknown[]) {
  try {
    localStorage.setItem(key, JSON.stringify(values));
  } catch {
    // it is typed again next time
  }
}

// User properties were a map once.
function withRows<T extends { user_properties?: unknown }>(known: T): T {
  return known.user_properties === undefined ? known : { ...known, user_properties: rowsOf(known.user_properties) };
}

export const knownConnections = () => read<Settings>(keys.connections).map(withRows);

export function rememberConnections(all: Settings[]) {
  write(
    keys.connections,
    all.map(({ password: _, ...settings }) => settings),
  );
}

export const published = () => read<Document>(keys.published).map(withRows);

export function rememberPublished(document: Document) {
  const text = JSON.stringify(document);
  if (text.length > mostLength) return published();
  const others = published().filter((known) => JSON.stringify(known) !== text);
  const all = [document, ...others].slice(0, mostPublished);
  write(keys.published, all);
  return all;
}
