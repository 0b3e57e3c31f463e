// How something was over the last day, from the server's own memory.
import { Card, Segmented } from "antd";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { api, type Path } from "../api/client";
import { keyOf } from "../api/live";
import { useIsOver } from "../api/session";
import { useWords, words } from "../words/language";
import { LineChart } from "./chart";

const own = words(
  {
    range: "Range",
    hour: "1 hour",
    hours: "6 hours",
    day: "1 day",
    notYet: "There are no figures of this time yet: one is noted every ten seconds.",
  },
  {
    range: "时间范围",
    hour: "1 小时",
    hours: "6 小时",
    day: "1 天",
    notYet: "这段时间还没有数据：每十秒采样一次。",
  },
);

export type Sample = { time: string } & Record<string, number | null | string>;

export interface Charted {
  title: string;
  series: { name: string; field: string; unit?: number }[]; // unit: the figure is shown in this many
}

// A gap where there is no figure: the first sample has no rates.
export function pointsOf(samples: Sample[], field: string, unit = 1): [number, number][] {
  return samples.flatMap((sample): [number, number][] => {
    const value = sample[field];
    return typeof value === "number" ? [[Date.parse(sample.time), value / unit]] : [];
  });
}

const ranges = { hour: 3600, hours: 6 * 3600, day: 24 * 3600 };
export type Range = keyof typeof ranges;
const every = 10_000; // as often as the server notes them

export function useHistory(path: Path, range: Range, parts?: Record<string, string>) {
  const isOver = useIsOver();
  const seconds = ranges[range];
  return useQuery({
    queryKey: ["history", ...keyOf(path, { parts }), seconds], // no event is told for each sample
    queryFn: () => {
      const from = new Date(Date.now() - seconds * 1000).toISOString();
      const step = Math.max(10, Math.round(seconds / 360));
      return api.get<{ items: Sample[] }>(path, { parts, query: { from, step } });
    },
    refetchInterval: isOver ? false : every,
  });
}

export function RangeChoice({ value, onChange }: { value: Range; onChange: (range: Range) => void }) {
  const word = useWords(own);
  return (
    <Segmented
      aria-label={word.range}
      value={value}
      onChange={onChange}
      options={(["hour", "hours", "day"] as const).map((each) => ({ value: each, label: word[each] }))}
    />
  );
}

export function HistoryCharts({ charts, samples }: { charts: Charted[]; samples: Sample[] | undefined }) {
  const word = useWords(own);
  const shown = useMemo(
    () =>
      charts.map(({ title, series }) => ({
        title,
        lines: series.map(({ name, field, unit }) => ({ name, points: pointsOf(samples ?? [], field, unit) })),
      })),
    [charts, samples],
  );
  return (
    <>
      {samples?.length === 0 && <p className="quiet">{word.notYet}</p>}
      <div className="two">
        {shown.map(({ title, lines }) => (
          <Card key={title} size="small" title={title}>
            <LineChart lines={lines} label={title} />
          </Card>
        ))}
      </div>
    </>
  );
}
