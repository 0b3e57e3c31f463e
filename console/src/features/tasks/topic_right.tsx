// Whether the connection of a target may write to the topic that the task is to write to.
import { Button, Form } from "antd";
import { useState } from "react";
import { api } from "../../api/client";
import { ProblemAlert } from "../../components/problem";
import { useWords } from "../../words/language";
import { Verification, type Verified } from "../connections/verification";
import { own } from "./words";

export function TopicRight({ connection, topic }: { connection: string | undefined; topic: string | undefined }) {
  const word = useWords(own);
  const [verified, setVerified] = useState<Verified>();
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const verify = async () => {
    setBusy(true);
    setVerified(undefined);
    setError(undefined);
    try {
      setVerified(await api.post<Verified>("/connections/{name}:verify", { parts: { name: connection! }, query: { topic } }));
    } catch (refused) {
      setError(refused);
    } finally {
      setBusy(false);
    }
  };
  const looked = verified && (!verified.ok || verified.steps.some(({ name }) => name === "topic"));
  return (
    <Form.Item extra={topic ? word.topicRightHelp(topic) : word.topicRightNeeds}>
      <Button disabled={!connection || !topic} loading={isBusy} onClick={verify}>
        {word.topicRight}
      </Button>
      <ProblemAlert error={error} />
      {(isBusy || verified) && (
        <div className="below">
          <Verification verified={verified} isBusy={isBusy} />
        </div>
      )}
      {verified && !looked && <p className="quiet">{word.topicRightUnknown}</p>}
    </Form.Item>
  );
}
