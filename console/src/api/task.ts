// A task as REST shows it, as far as pages use it.
export interface Task {
  id: string;
  name: string;
  description: string;
  title: string;
  enabled: boolean;
  source: { type: string; filters?: string[]; connection?: string; topics?: string[]; start?: unknown };
  where: string;
  sink: { type: string; connection?: string; [field: string]: unknown };
  map: { topic: string; key?: string; [field: string]: unknown };
  status: string;
  status_reason: string;
  since: string;
  next_try: string | null;
  lag_messages: number;
  lag_bytes: number;
  oldest_unsent_age_seconds: number;
  in_flight: number;
  delivered: number;
  retried: number;
  rejected: number;
  filtered: number;
  shed: number;
  lost: number;
  possible_duplicates: number;
  dead_letters: number;
  last_error: string | null;
  last_error_at: string | null;
  last_success: string | null;
  group: string;
  clients: string[];
  created: string;
  updated: string;
}
