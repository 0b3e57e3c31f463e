import { DatePicker } from "antd";
import type { Query } from "../api/client";

// `from` and `to` of a list, as the server takes them; the clock is that of the browser.
export function TimeRange({ labels, onChange }: { labels: [string, string]; onChange: (range: Query) => void }) {
  return (
    <DatePicker.RangePicker
      showTime
      allowEmpty={[true, true]}
      placeholder={labels}
      aria-label={labels.join(", ")}
      className="range"
      onChange={(range) => onChange({ from: range?.[0]?.toISOString(), to: range?.[1]?.toISOString() })}
    />
  );
}
