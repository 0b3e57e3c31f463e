// A task that needs nobody.
export function isWell(status: string) {
  return ["running", "paused", "starting", "finished"].includes(status);
}

export interface Worker {
  client: string;
  status: string;
  status_reason: string;
  since: string | null;
  in_flight: number;
  unfinished: number;
  delivered: number;
  retried: number;
  rejected: number;
  filtered: number;
  last_error: string | null;
}

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
  delivery?: { dead_letter_copy?: { connection?: string } | null; [field: string]: unknown };
  map: { topic: string; key?: string; [field: string]: unknown };
  status: string;
  status_reason: string;
  since: string;
  next_try: string | null;
  lag_messages: number | null; // null: the other side has not said yet
  lag_bytes: number | null;
  back_fill_bytes?: number; // of the log, with what waits in it and is not counted above
  oldest_unsent_age_seconds: number;
  in_flight: number;
  delivered: number;
  retried: number;
  rejected: number;
  filtered: number;
  account?: string; // the user that it runs as; empty: nobody
  account_made?: boolean; // together with the task, and it goes with it
  denied?: number; // of one with an account
  shed: number;
  lost: number;
  possible_duplicates: number;
  dead_letters: number;
  last_error: string | null;
  last_error_at: string | null;
  last_success: string | null;
  group: string;
  clients: string[];
  workers: Worker[];
  created: string;
  updated: string;
}
