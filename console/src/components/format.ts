// Numbers and times as people read them.
import type { Language } from "../words/language";

const locales = { en: "en-GB", zh: "zh-CN" };

export function number(value: unknown, language: Language) {
  return typeof value === "number" ? value.toLocaleString(locales[language]) : "–";
}

// Where the server may have stopped counting.
export function countOf(count: unknown, isLeast: boolean | undefined, language: Language) {
  return `${isLeast ? "≥ " : ""}${number(count, language)}`;
}

export function rate(value: number | undefined, language: Language) {
  if (value === undefined) return "–";
  const digits = value < 10 ? 1 : 0;
  return value.toLocaleString(locales[language], { maximumFractionDigits: digits });
}

export function bytes(value: unknown) {
  if (typeof value !== "number") return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let size = value;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? size : size.toFixed(1)} ${units[unit]}`;
}

export function time(value: unknown, language: Language) {
  if (typeof value !== "string" || value === "") return "–";
  const date = new Date(value);
  if (Number.isNaN(date.getTime())) return value;
  return date.toLocaleString(locales[language], { dateStyle: "short", timeStyle: "medium" });
}

export function milliseconds(values: number[], language: Language) {
  const shown = values.map((value) => {
    const digits = value < 10 ? 1 : 0;
    return value.toLocaleString(locales[language], { minimumFractionDigits: digits, maximumFractionDigits: digits });
  });
  return `${shown.join(" / ")} ${durationUnits[language].ms}`;
}

const durationUnits = {
  en: { day: "d", hour: "h", minute: "min", second: "s", ms: "ms" },
  zh: { day: "天", hour: "小时", minute: "分", second: "秒", ms: "毫秒" },
};

export function duration(seconds: unknown, language: Language) {
  if (typeof seconds !== "number") return "–";
  const unit = durationUnits[language];
  const parts: [number, string][] = [
    [Math.floor(seconds / 86400), unit.day],
    [Math.floor(seconds / 3600) % 24, unit.hour],
    [Math.floor(seconds / 60) % 60, unit.minute],
    [Math.floor(seconds) % 60, unit.second],
  ];
  const first = parts.findIndex(([value]) => value > 0);
  if (first < 0) return `${Math.round(seconds * 1000)} ${unit.ms}`;
  return parts
    .slice(first, first + 2)
    .filter(([value]) => value > 0)
    .map(([value, unit]) => `${value} ${unit}`)
    .join(" ");
}
