// Properties of MQTT 5 as they are shown.
import type { Properties } from "./connection";

const strict = new TextDecoder("utf-8", { fatal: true });

// Text where it is text, else hexadecimal digits.
export function textOrHex(bytes: Uint8Array) {
  try {
    const text = strict.decode(bytes);
    if (!/[\u0000-\u001f]/.test(text)) return text;
  } catch {
    // no UTF-8
  }
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

type Texts = Record<string, string | string[]>;

// What was sent is one object for each, what was received one for all.
function pairsOf(value: Texts | Texts[]) {
  const all = [value].flat().flatMap((given) => Object.entries(given));
  return all.flatMap(([name, texts]) => [texts].flat().map((text) => `${name}: ${text}`));
}

// For JSON.stringify. Bytes come as themselves, or as a `Buffer` makes them JSON.
export function readable(name: string, value: unknown) {
  if (name === "userProperties") return pairsOf(value as Texts);
  if (value instanceof Uint8Array) return textOrHex(value);
  const { type, data } = (value ?? {}) as { type?: string; data?: number[] };
  return type === "Buffer" && Array.isArray(data) ? textOrHex(Uint8Array.from(data)) : value;
}

export function hasSeveralNames({ userProperties = {} }: Properties) {
  return Object.keys(userProperties as Texts).length > 1;
}
