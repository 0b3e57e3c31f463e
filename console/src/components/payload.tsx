// A payload as text, as JSON or as bytes: whichever shows it best at first, and any on demand.
import { Segmented } from "antd";
import { useState } from "react";
import { useWords, words } from "../words/language";
import { Code } from "./code";

const own = words(
  { text: "Text", json: "JSON", hex: "Hex", cut: "Only its beginning is shown", empty: "It is empty" },
  { text: "文本", json: "JSON", hex: "十六进制", cut: "仅显示开头部分", empty: "内容为空" },
);

export type View = "text" | "json" | "hex";

export function bytesOf(base64: string) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

export function textIn(bytes: Uint8Array) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

export function jsonIn(text: string | undefined) {
  try {
    return text === undefined ? undefined : JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return undefined;
  }
}

// 16 bytes a line, with their place before and their letters behind them.
export function hexOf(bytes: Uint8Array) {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = [...bytes.subarray(at, at + 16)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const letters = row.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${at.toString(16).padStart(6, "0")}  ${hex.padEnd(47)}  ${letters}`);
  }
  return lines.join("\n");
}

export function Payload({ base64, isCut }: { base64: string; isCut?: boolean }) {
  const word = useWords(own);
  const bytes = bytesOf(base64);
  const text = textIn(bytes);
  const json = jsonIn(text);
  const [chosen, setChosen] = useState<View>();
  const view = chosen ?? (json !== undefined ? "json" : text !== undefined ? "text" : "hex");
  const shown = { text: text ?? hexOf(bytes), json: json ?? text ?? hexOf(bytes), hex: hexOf(bytes) }[view];
  if (bytes.length === 0) return <span className="quiet">{word.empty}</span>;
  return (
    <>
      <Segmented<View>
        size="small"
        className="views"
        value={view}
        onChange={setChosen}
        options={[
          { value: "text", label: word.text, disabled: text === undefined },
          { value: "json", label: word.json, disabled: json === undefined },
          { value: "hex", label: word.hex },
        ]}
      />
      <Code>{shown}</Code>
      {isCut && <span className="quiet">{word.cut}</span>}
    </>
  );
}
