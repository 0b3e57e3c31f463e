// What happened to a message, as a line of time; and how far each of those is who are to get it.
import { Timeline } from "antd";
import type { ReactNode } from "react";
import { Link } from "react-router-dom";
import { duration, number, time } from "../../components/format";
import { statusWord } from "../../components/status";
import { useLanguage, useWords, type Language } from "../../words/language";
import { pathOf as clientPath } from "../clients/client_type";
import { pathOf as taskPath } from "../tasks/actions";
import type { Moment, Trace } from "./message_type";
import { own } from "./words";

const mostMoments = 200; // a message may go to very many
const underlined = { textDecoration: "underline" }; // a link among words is not told by its colour alone
const colours: Record<string, string> = {
  sent: "blue",
  sent_again: "orange",
  acknowledged: "green",
  passed: "green",
  waiting: "blue",
  in_flight: "blue",
  dead_letter: "red",
};

// To the millisecond.
function exactly(at: string, language: Language) {
  return `${time(at, language)}.${String(new Date(at).getMilliseconds()).padStart(3, "0")}`;
}

// Nothing where the clock was set back meanwhile.
function since(received: string, at: string, language: Language) {
  const seconds = (new Date(at).getTime() - new Date(received).getTime()) / 1000;
  return seconds >= 0 ? `(+${duration(seconds, language)})` : "";
}

function Step({ moment, received }: { moment: Moment; received: string }) {
  const word = useWords(own);
  const language = useLanguage();
  const { at, event, client_id: id, qos } = moment;
  const said: Record<string, string> = { sent: word.sent, sent_again: word.sentAgain, acknowledged: word.acknowledged };
  return (
    <>
      {said[event] ?? event} <Link to={clientPath(id)} style={underlined}>{id}</Link>{" "}
      <span className="quiet">
        {word.qos} {qos}, {exactly(at, language)} {since(received, at, language)}
      </span>
    </>
  );
}

// Of a message that was not traced nobody knows when it was sent: what is to be done next time.
function NoTimes({ trace }: { trace: Trace }) {
  const word = useWords(own);
  const [first] = trace.sessions;
  return (
    <>
      <div className="quiet">{word.noTimes}</div>
      <Link to={first ? clientPath(first.client_id) : "/clients"}>{word.traceClient}</Link>
    </>
  );
}

export function Times({ trace }: { trace: Trace }) {
  const word = useWords(own);
  const language = useLanguage();
  const { received, durable, times } = trace;
  const shown = (times ?? []).slice(0, mostMoments);
  const left = (times?.length ?? 0) - shown.length;
  return (
    <Timeline
      items={[
        { color: "green", children: `${word.received}: ${exactly(received.timestamp, language)}, ${received.client_id}` },
        { color: durable ? "green" : "gray", children: durable ? word.durable : word.notDurable },
        ...shown.map((moment, at) => ({
          key: `at ${at}`,
          color: colours[moment.event] ?? "gray",
          children: <Step moment={moment} received={received.timestamp} />,
        })),
        ...(left > 0 ? [{ color: "gray", children: word.more(number(left, language)) }] : []),
        ...(times === null ? [{ color: "gray", children: <NoTimes trace={trace} /> }] : []),
      ]}
    />
  );
}

interface Line {
  key: string;
  state: string;
  label: ReactNode;
  reason?: ReactNode;
}

function useLines({ sessions, groups, tasks }: Trace): Line[] {
  const word = useWords(own);
  return [
    ...sessions.map(({ client_id: id, state }) => ({
      key: `s ${id}`,
      state,
      label: <Link to={clientPath(id)} style={underlined}>{word.session(id)}</Link>,
    })),
    ...groups.map(({ name, filter, state }) => ({
      key: `g ${name} ${filter}`,
      state,
      label: `${word.group(name)} ${filter}`,
    })),
    ...tasks.map(({ name, state, reason }) => ({
      key: `t ${name}`,
      state,
      label: <Link to={taskPath(name)} style={underlined}>{word.task(name)}</Link>,
      reason: state === "dead_letter" ? <Link to={`${taskPath(name)}?tab=letters`}>{reason || word.deadLetters}</Link> : reason,
    })),
  ];
}

export function Progress({ trace }: { trace: Trace }) {
  const word = useWords(own);
  const language = useLanguage();
  const lines = useLines(trace);
  return (
    <Timeline
      items={[
        ...lines.map(({ key, state, label, reason }) => ({
          key,
          color: colours[state] ?? "gray",
          children: (
            <>
              {label} <span className="quiet">{statusWord(state, language)}</span>
              {reason && <div>{reason}</div>}
            </>
          ),
        })),
        ...(trace.more > 0 ? [{ color: "gray", children: word.more(number(trace.more, language)) }] : []),
        ...(lines.length === 0 ? [{ color: "gray", children: word.nobody }] : []),
      ]}
    />
  );
}
