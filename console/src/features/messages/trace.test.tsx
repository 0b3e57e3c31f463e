import { cleanup, render, screen } from "@testing-library/react";
import { MemoryRouter } from "react-router-dom";
import { afterEach, expect, test } from "vitest";
import { LanguageProvider, type Language } from "../../words/language";
import type { Trace } from "./message_type";
import { Progress, Times } from "./trace";

afterEach(cleanup);

const at = (ms: number) => new Date(Date.UTC(2026, 2, 1, 10, 0, 0, ms)).toISOString();
const trace: Trace = {
  durable: true,
  received: { timestamp: at(5), client_id: "meter-1" },
  times: [
    { at: at(7), event: "sent", client_id: "reader", qos: 1 },
    { at: at(9), event: "sent_again", client_id: "reader", qos: 1 },
    { at: at(255), event: "acknowledged", client_id: "reader", qos: 1 },
  ],
  sessions: [{ client_id: "away", state: "not_kept", filters: ["a/#"], qos: 1 }],
  groups: [{ name: "team", filter: "a/+", state: "in_flight" }],
  tasks: [{ name: "flow", state: "dead_letter", reason: "the payload is no JSON" }],
  more: 1204,
};

function show(shown: Trace, language: Language = "en") {
  render(
    <LanguageProvider language={language}>
      <MemoryRouter future={{ v7_relativeSplatPath: true, v7_startTransition: true }}>
        <section aria-label="times">
          <Times trace={shown} />
        </section>
        <section aria-label="progress">
          <Progress trace={shown} />
        </section>
      </MemoryRouter>
    </LanguageProvider>,
  );
  const linesIn = (label: string) =>
    [...screen.getByLabelText(label).querySelectorAll(".ant-timeline-item-content")].map(({ textContent }) => textContent!);
  return { times: linesIn("times"), progress: linesIn("progress") };
}

test("each time that was kept is a line, in order, to the millisecond", () => {
  const { times } = show(trace);
  expect(times.length).toBe(5);
  expect(times[0]).toMatch(/^Received: .*\.005, meter-1$/);
  expect(times[1]).toBe("On disk");
  expect(times[2]).toMatch(/^Sent to reader QoS 1, .*\.007 \(\+2 ms\)$/);
  expect(times[3]).toMatch(/^Sent again to reader QoS 1, .*\.009 \(\+4 ms\)$/);
  expect(times[4]).toMatch(/^Acknowledged by reader QoS 1, .*\.255 \(\+250 ms\)$/);
});

test("how far everybody is, why a task has given up, and how many are not shown", () => {
  const { progress } = show(trace);
  expect(progress).toEqual([
    "Client away not kept",
    "Group team a/+ in flight",
    "Task flow dead letterthe payload is no JSON",
    "and 1,204 more",
  ]);
  const letters = screen.getByText("the payload is no JSON");
  expect(letters.getAttribute("href")).toBe("/tasks/flow?tab=letters");
});

test("where no times were kept, it is said how to get them", () => {
  const { times } = show({ ...trace, durable: false, times: null });
  expect(times.slice(1)).toEqual(["Not on disk yet", expect.stringContaining("of messages that are traced alone")]);
  expect(screen.getByText(/Switch the message trace/).getAttribute("href")).toBe("/clients/away");
});

test("of a message that went to very many the first times are shown, and how many there are besides", () => {
  const moment = { at: at(7), event: "sent", client_id: "c", qos: 1 };
  const { times } = show({ ...trace, times: Array.from({ length: 1700 }, () => moment) });
  expect(times.length).toBe(203);
  expect(times.at(-1)).toBe("and 1,500 more");
});

test("in Chinese the states are Chinese", () => {
  const { progress } = show(trace, "zh");
  expect(progress[0]).toBe("客户端 away QoS 0，无从得知");
  expect(progress[2]).toContain("转为死信");
});
