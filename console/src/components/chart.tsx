// Lines over time. ECharts is large: it comes when the first chart is shown.
import { theme } from "antd";
import { useEffect, useRef } from "react";
import { useAppearance } from "../appearance";
import { rate } from "./format";

export interface Line {
  name: string;
  points: [number, number][]; // time in ms, value
}

type Chart = { setOption: (option: object) => void; resize: () => void; dispose: () => void };

export function LineChart({ lines, label }: { lines: Line[]; label: string }) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<Chart>();
  const latest = useRef<Line[]>(lines);
  latest.current = lines;
  const { isDark, language } = useAppearance();
  const { token } = theme.useToken();

  useEffect(() => {
    let isGone = false;
    const resize = new ResizeObserver(() => chart.current?.resize());
    void import("./echarts").then(({ init }) => {
      if (isGone || !box.current) return;
      chart.current = init(box.current, isDark ? "dark" : undefined);
      chart.current.setOption(frame(token.colorPrimary, token.colorTextSecondary, token.fontFamily));
      chart.current.setOption(data(latest.current));
      resize.observe(box.current);
    });
    return () => {
      isGone = true;
      resize.disconnect();
      chart.current?.dispose();
      chart.current = undefined;
    };
  }, [isDark, token]);

  useEffect(() => {
    chart.current?.setOption(data(lines));
  }, [lines]);

  // For who does not see it: the newest figure of each line.
  const newest = lines.flatMap(({ name, points }) => {
    const last = points.at(-1);
    return last ? [`${name} ${rate(last[1], language)}`] : [];
  });
  return <div ref={box} className="chart" role="img" aria-label={[label, newest.join(", ")].filter(Boolean).join(": ")} />;
}

function frame(first: string, text: string, fontFamily: string) {
  return {
    backgroundColor: "transparent",
    textStyle: { fontFamily },
    animation: false,
    color: [first, "#d97706", "#7c3aed", "#16a34a"],
    grid: { left: 56, right: 28, top: 32, bottom: 28 }, // right: half of the last time
    legend: { top: 0, left: 0, icon: "roundRect", itemHeight: 3, textStyle: { color: text } },
    // Drawn, not made of HTML, whose styles the policy of this page does not take.
    tooltip: { trigger: "axis", renderMode: "richText" },
    xAxis: { type: "time", axisLabel: { hideOverlap: true, color: text } },
    yAxis: { type: "value", min: 0, minInterval: 1, axisLabel: { color: text } },
  };
}

function data(lines: Line[]) {
  return {
    series: lines.map(({ name, points }) => ({
      name,
      type: "line",
      showSymbol: false,
      areaStyle: { opacity: 0.08 },
      data: points,
    })),
  };
}
