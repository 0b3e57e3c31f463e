// A dialogue that asks for something, and stays open with what was typed until the server has done it.
import { Modal } from "antd";
import { useId, useState, type ReactNode } from "react";
import type { FieldProblem } from "../api/client";
import { common } from "../words/common";
import { useWords } from "../words/language";
import { Entry, focusFirst } from "./entry";
import { fieldsOf, ProblemAlert, useFirstWrong } from "./problem";
import { covers } from "./schema_form/wrong";

interface Props {
  title: string;
  ok?: string;
  pointers: string[]; // of the fields that show their own problem
  isReady?: boolean;
  send: () => Promise<void>; // throws what was refused
  onClose: () => void;
  children: (problems: FieldProblem[]) => ReactNode;
}

export function Question({ title, ok, pointers, isReady = true, send, onClose, children }: Props) {
  const all = useWords(common);
  const id = useId();
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const problems = fieldsOf(error);
  const shown = problems.map(({ pointer }) => pointer).filter((pointer) => pointers.some((own) => covers(own, pointer)));
  useFirstWrong(error);
  const submit = async () => {
    if (isBusy || !isReady) return;
    setBusy(true);
    setError(undefined);
    try {
      await send();
      onClose();
    } catch (refused) {
      setError(refused);
      setBusy(false);
    }
  };
  return (
    <Modal
      open
      title={title}
      okText={ok}
      cancelText={all.cancel}
      confirmLoading={isBusy}
      okButtonProps={{ htmlType: "submit", form: id, disabled: !isReady }}
      maskClosable={false}
      onCancel={onClose}
      afterOpenChange={(isOpen) => isOpen && focusFirst(id)}
    >
      <Entry id={id} onSubmit={() => void submit()}>
        <ProblemAlert error={error} shown={shown} />
        {children(problems)}
      </Entry>
    </Modal>
  );
}
