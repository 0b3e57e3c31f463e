// The state of a thing: a colour and its word, which is the one that REST and the command line use.
import { Badge } from "antd";
import { useLanguage, type Language } from "../words/language";

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
const chinese: Record<string, string> = {
  healthy: "健康",
  running: "运行中",
  connected: "在线",
  finished: "已完成",
  starting: "启动中",
  stopping: "停止中",
  pausing: "暂停中",
  degraded: "降级",
  waiting: "等待中",
  failed: "失败",
  unready: "未就绪",
  paused: "已暂停",
  disconnected: "离线",
  unknown: "未知",
  ready: "就绪",
};

// Of what is no status: itself.
export function statusWord(name: string, language: Language) {
  return (language === "zh" && chinese[name]) || name;
}

export function Status({ value }: { value: unknown }) {
  const language = useLanguage();
  const name = String(value ?? "unknown");
  return (
    <Badge
      status={tones[name] ?? "default"}
      text={statusWord(name, language).replaceAll("_", " ")}
    />
  );
}
