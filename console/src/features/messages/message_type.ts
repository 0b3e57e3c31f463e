export interface Message {
  id: string;
  timestamp: string;
  topic: string;
  qos: number;
  retain: boolean;
  dup: boolean;
  client_id: string;
  host: string;
  username: string | null;
  packet_id: number | null;
  payload_bytes: number;
  truncated: boolean;
  payload_base64: string;
  user_properties: { name: string; value: string }[];
  [property: string]: unknown;
}

interface Consumer {
  state: string;
  reason?: string;
  [field: string]: unknown;
}

// Of a message that is traced: what happened, in the order in which it did.
export interface Moment {
  at: string;
  event: string;
  client_id: string;
  qos: number;
}

export interface Trace {
  durable: boolean;
  times?: Moment[] | null; // null: nothing was kept
  received: { timestamp: string; client_id: string };
  sessions: (Consumer & { client_id: string; filters: string[]; qos: number })[];
  groups: (Consumer & { name: string; filter: string })[];
  tasks: (Consumer & { name: string })[];
  more: number; // consumers that are not shown
}
