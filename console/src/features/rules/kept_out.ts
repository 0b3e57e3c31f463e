// Whom a block rule keeps out, as far as a list of clients says it.
import { counted, type Counted } from "../../api/counted";

export interface BlockRule {
  name: string;
  description: string;
  type: string;
  value: string;
  except: string[];
  until: string | null;
}

export interface Session {
  client_id: string;
  username: string | null;
  address: string;
  lag_messages: number;
}

// `*` stands for any characters, `?` for one.
export function matches(pattern: string, text: string) {
  const parts = pattern.split(/([*?])/).map((part) => {
    if (part === "*") return ".*";
    return part === "?" ? "." : part.replace(/[\\^$.|+()[\]{}]/g, "\\$&");
  });
  return new RegExp(`^${parts.join("")}$`, "su").test(text);
}

const ip4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/(\d{1,2}))?$/;

// IPv4 alone: an address, or a range such as 10.0.0.0/8.
export function covers(range: string, address: string) {
  const read = (text: string) => {
    const parts = ip4.exec(text);
    if (!parts) return undefined;
    const bits = parts.slice(1, 5).reduce((sum, part) => sum * 256 + Number(part), 0);
    return { bits, size: 2 ** (32 - Number(parts[5] ?? 32)) };
  };
  const [wanted, given] = [read(range), read(address)];
  return wanted !== undefined && given !== undefined && Math.floor(given.bits / wanted.size) === Math.floor(wanted.bits / wanted.size);
}

const fields: Record<string, "client_id" | "username" | "address"> = {
  client_id: "client_id",
  user: "username",
  address: "address",
};

export function keepsOut({ type, value, except }: BlockRule, session: Session) {
  const text = session[fields[type] ?? "client_id"];
  if (text === null) return false;
  const isIt = type === "address" ? covers : matches;
  return isIt(value, text) && !except.some((pattern) => isIt(pattern, text));
}

async function count(rule: BlockRule, status: string): Promise<Counted<Session>> {
  const isWhole = !/[*?/]/.test(rule.value);
  const query = { status, ...(isWhole && { [fields[rule.type] ?? "client_id"]: rule.value }) };
  return counted<Session>("/clients", query, (session) => keepsOut(rule, session));
}

// Who is connected and would not be any more; nothing where this page cannot tell.
export async function connectedOf(rule: BlockRule) {
  const isTold = rule.type !== "address" || [rule.value, ...rule.except].every((text) => ip4.test(text));
  return isTold ? count(rule, "connected") : undefined;
}

// Sessions of clients that are kept out. Not by address: one that is away has none that says anything.
export async function sessionsOf(rule: BlockRule) {
  return rule.type === "address" ? undefined : count(rule, "disconnected");
}
