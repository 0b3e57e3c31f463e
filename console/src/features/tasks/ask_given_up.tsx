// An edited task that no longer delivers some of what waits for it is saved once somebody has read how
// much that may be.
import { useCallback } from "react";
import { api, type Entity } from "../../api/client";
import type { Task } from "../../api/task";
import { useConfirm } from "../../components/action";
import { bytes, duration, number } from "../../components/format";
import { useLanguage, useWords, words, type Language } from "../../words/language";
import { editable } from "./document";
import { givenUp, type GivenUp } from "./given_up";

const own = words(
  {
    title: "Messages that wait would not be delivered",
    goOn: "Save all the same",
    told: (waiting: string, which: string) => `${waiting}; ${which} will not be delivered.`,
    and: ", and ",
    between: ", ",
    upTo: (messages: string) =>
      messages === "1" ? "Up to 1 message waits in this task" : `Up to ${messages} messages wait in this task`,
    notKnown: "How many messages wait in this task is not known yet",
    unread: (waiting: string, size: string) => `${waiting}, besides those in ${size} of the log that it has not read yet`,
    filters: (names: string) => `those of ${names}`,
    account: (name: string) => `those that a policy denies to the user ${name}`,
    where: "those that do not meet the new condition",
    jq: "those that the new jq program has no result for",
    verify: "those that the new JSON Schema does not take",
    maximum_age: (age: string) => `those that are older than ${age} when they are read`,
    give_up_after: (time: string) => `those that the other side sends back for longer than ${time}`,
    expired: "those whose MQTT expiry has passed",
    rejected: "those that can never be delivered as they stand",
    shed_oldest: (size: string) => `those that lie further back than ${size} of log`,
    shed_qos0: (size: string) => `those published with QoS 0 that lie further back than ${size} of log`,
    hold: (size: string) => `those that retention deletes once this task holds back no more than ${size} of log`,
  },
  {
    title: "部分待投递的消息将不会被投递",
    goOn: "仍然保存",
    told: (waiting: string, which: string) => `${waiting}；其中${which}将不会被投递。`,
    and: "，以及",
    between: "、",
    upTo: (messages: string) => `此任务最多有 ${messages} 条消息待投递`,
    notKnown: "尚不知道此任务有多少条消息待投递",
    unread: (waiting: string, size: string) => `${waiting}，另有 ${size} 日志中的消息尚未读取`,
    filters: (names: string) => `属于 ${names} 的消息`,
    account: (name: string) => `策略拒绝用户 ${name} 接收的消息`,
    where: "不满足新条件的消息",
    jq: "新的 jq 程序没有结果的消息",
    verify: "不符合新 JSON Schema 的消息",
    maximum_age: (age: string) => `读取时已超过 ${age} 的消息`,
    give_up_after: (time: string) => `被对端退回超过 ${time} 的消息`,
    expired: "MQTT 有效期已过的消息",
    rejected: "以其现状永远无法投递的消息",
    shed_oldest: (size: string) => `距最新位置超过 ${size} 日志的消息`,
    shed_qos0: (size: string) => `距最新位置超过 ${size} 日志且以 QoS 0 发布的消息`,
    hold: (size: string) => `此任务只保留 ${size} 日志之后被保留策略删除的消息`,
  },
);

const times = ["maximum_age", "give_up_after"];

function shownBound({ by, value }: GivenUp, language: Language) {
  if (typeof value !== "number") return String(value ?? "");
  return times.includes(by) ? duration(value / 1000, language) : bytes(value);
}

function useTold() {
  const word = useWords(own);
  const language = useLanguage();
  return useCallback(
    ({ lag_messages: lag, back_fill_bytes: unread = 0 }: Task, given: GivenUp[]) => {
      const which = given.map((one) => {
        if (one.by === "filters") return word.filters(one.filters!.join(word.between));
        const told = word[one.by];
        return typeof told === "string" ? told : told(shownBound(one, language));
      });
      const counted = lag === null ? word.notKnown : word.upTo(number(lag, language));
      return word.told(unread > 0 ? word.unread(counted, bytes(unread)) : counted, which.join(word.and));
    },
    [word, language],
  );
}

// False: somebody has read it and does not want it.
export function useGivenUp() {
  const word = useWords(own);
  const confirm = useConfirm();
  const told = useTold();
  return useCallback(
    async (known: Task, body: Entity) => {
      const given = givenUp(editable(known), body);
      if (given.length === 0) return true;
      const now = await api.get<Task>("/tasks/{name}", { parts: { name: known.name } });
      if (now.lag_messages === 0 && !now.back_fill_bytes) return true;
      return confirm({ title: word.title, content: told(now, given), ok: word.goOn });
    },
    [confirm, word, told],
  );
}
