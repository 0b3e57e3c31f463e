import type { Schema } from "../components/schema_form/schema";
import type { Page } from "./client";
import { useGet } from "./live";

export interface Connector {
  name: string;
  summary: string;
  needs_connection: boolean;
  connection: Schema;
  sink: Schema;
  source: Schema | null; // null: it brings nothing in
  sends_records: boolean; // what it brings in has a key and headers
}

export interface Connection {
  id: string;
  name: string;
  type: string;
  description: string;
  settings: Record<string, unknown>;
  status: string;
  status_reason: string;
  bound_resource: string;
  tasks: number;
  created: string;
  updated: string;
}

export function useConnectors() {
  const { data, error } = useGet<Page<Connector>>("/connectors", { query: { limit: 100 } });
  return { connectors: data?.items ?? [], error };
}
