// The state of a thing: a colour and its word, which is the one that REST and the command line use.
import { Badge } from "antd";
import { useLanguage, type Language } from "../words/language";
import { valueWord } from "../words/values";

type Tone = "success" | "processing" | "warning" | "error" | "default";
export const tones: Record<string, Tone> = {
  healthy: "success",
  running: "processing",
  connected: "success",
  finished: "success",
  starting: "warning",
  stopping: "warning",
  pausing: "warning",
  degraded: "warning",
  waiting: "warning",
  failed: "error",
  unready: "error",
  paused: "default",
  disconnected: "default",
  unknown: "default",
};

export function statusWord(name: string, language: Language) {
  return valueWord(name, language).replaceAll("_", " ");
}

export function Status({ value }: { value: unknown }) {
  const language = useLanguage();
  const name = String(value ?? "unknown");
  return (
    <Badge status={tones[name] ?? "default"} text={statusWord(name, language)} />
  );
}
