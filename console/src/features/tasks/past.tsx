// How a task was over the last day.
import { Card } from "antd";
import { useMemo, useState } from "react";
import type { Task } from "../../api/task";
import { HistoryCharts, RangeChoice, useHistory, type Charted, type Range } from "../../components/history";
import { ProblemAlert, unlessAway } from "../../components/problem";
import { useWords } from "../../words/language";
import { own } from "./words";

export function Past({ task }: { task: Task }) {
  const word = useWords(own);
  const [range, setRange] = useState<Range>("hour");
  const history = useHistory("/tasks/{name}/history", range, { name: task.name });
  const charts = useMemo(
    (): Charted[] => [
      { title: word.deliveredPast, series: [{ name: word.delivered, field: "delivered_per_second" }] },
      { title: word.waitingMessages, series: [{ name: word.waitingMessages, field: "lag_messages" }] },
      { title: word.oldestPast, series: [{ name: word.oldestWaiting, field: "oldest_unsent_age_seconds" }] },
      {
        title: word.errorsPast,
        series: [
          { name: word.rejected, field: "rejected_per_second" },
          { name: word.retried, field: "retried_per_second" },
        ],
      },
    ],
    [word],
  );
  return (
    <Card title={word.past} size="small" extra={<RangeChoice value={range} onChange={setRange} />}>
      <ProblemAlert error={unlessAway(history.error)} />
      <HistoryCharts charts={charts} samples={history.data?.items} />
    </Card>
  );
}
