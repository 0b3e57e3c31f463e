// Which tasks have dead letters, and why: the way to each one's.
import { Link } from "react-router-dom";
import { useLive } from "../../api/live";
import { bytes, number, time } from "../../components/format";
import { List } from "../../components/list";
import { Page } from "../../components/page";
import { common } from "../../words/common";
import { useLanguage, useWords, words } from "../../words/language";
import { pathOf } from "../tasks/actions";

const own = words(
  {
    title: "Dead letters",
    help: "Messages that a task could not deliver, kept with their bytes and the reason. Mend the task or its target, then send them again.",
    sum: (letters: string, taken: string, most: string) => `Now there are ${letters}, which take ${taken} of at most ${most}.`,
    empty: "No task has any: all that was given to targets has arrived, or is on its way. What a target refuses for good is listed here.",
    task: "Task",
    letters: "Dead letters",
    size: "Size",
    last: "Rejected last",
    reason: "Commonest reason",
    share: (some: string, all: string) => `${some} of ${all}`,
  },
  {
    title: "死信",
    help: "任务未能投递的消息，连同原始内容和原因一并保存。修正任务或其目标后，可重新投递。",
    sum: (letters: string, taken: string, most: string) => `现有 ${letters} 条，占用 ${taken}，上限 ${most}。`,
    empty: "没有任务有死信：交给目标的消息都已到达或正在投递。目标永久拒绝的消息会列在这里。",
    task: "任务",
    letters: "死信",
    size: "大小",
    last: "最近一次拒绝",
    reason: "最常见的原因",
    share: (some: string, all: string) => `${some} / ${all}`,
  },
);

interface OfTask {
  id: string;
  name: string;
  dead_letters: number;
  bytes: number;
  last_rejected_at: string | null;
  reason: string | null; // null: too many different ones to tell
  reason_letters: number;
}

interface Sum {
  dead_letters: number;
  bytes: number;
  maximum_bytes: number;
}

const lettersOf = (name: string) => `${pathOf(name)}?tab=letters`;

export default function DeadLetters() {
  const word = useWords(own);
  const all = useWords(common);
  const language = useLanguage();
  const sum = useLive<Sum>("/dead-letters", { query: { limit: 1 } }).data;
  const taken = sum && sum.dead_letters > 0 && word.sum(number(sum.dead_letters, language), bytes(sum.bytes), bytes(sum.maximum_bytes));
  return (
    <Page title={word.title} help={<>{word.help} {taken}</>}>
      <List<OfTask>
        path="/dead-letters"
        isAddressed
        isLive
        filters={[{ name: "name", label: all.name }]}
        empty={<p>{word.empty}</p>}
        columns={[
          {
            title: word.task,
            render: (_, { name }) => (
              <Link to={lettersOf(name)}>
                <strong>{name}</strong>
              </Link>
            ),
          },
          { title: word.letters, align: "right", render: (_, row) => number(row.dead_letters, language) },
          { title: word.size, align: "right", render: (_, row) => bytes(row.bytes) },
          { title: word.last, render: (_, row) => time(row.last_rejected_at, language) },
          {
            title: word.reason,
            render: (_, { name, reason, reason_letters: some, dead_letters: count }) =>
              reason && (
                <div className="reason long">
                  <Link to={`${lettersOf(name)}&reason_contains=${encodeURIComponent(reason)}`}>{reason}</Link>
                  {some < count && <div className="quiet">{word.share(number(some, language), number(count, language))}</div>}
                </div>
              ),
          },
        ]}
      />
    </Page>
  );
}
