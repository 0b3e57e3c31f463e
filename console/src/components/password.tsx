// Passwords of accounts are changed apart from their documents: given, or made and shown once.
import { Button, Form, Input } from "antd";
import { useState, type ReactNode } from "react";
import { api, ApiError, type Path } from "../api/client";
import { useWords, words } from "../words/language";
import { useAction } from "./action";
import { problemOf } from "./problem";
import { Question } from "./question";
import { wrongAt } from "./schema_form/wrong";
import { useSecret } from "./secret";

const own = words(
  {
    change: "Change password",
    of: (name: string) => `Password of ${name}`,
    given: "New password",
    old: "Password that holds now",
    made: "Leave it empty, and the server makes one and shows it once.",
    changed: (name: string) => `The password of ${name} is changed`,
  },
  {
    change: "修改密码",
    of: (name: string) => `${name} 的密码`,
    given: "新密码",
    old: "当前密码",
    made: "留空则由服务器生成，并只显示一次。",
    changed: (name: string) => `${name} 的密码已修改`,
  },
);

const wrongPassword = "wrong_credentials"; // a code

interface Props {
  title: string;
  help: ReactNode; // what happens to those who are logged in or connected
  isOwn?: boolean; // the old one is asked for, and none is made
  send: (given: string | null, old: string) => Promise<void>; // throws what was refused
  onClose: () => void;
}

// A password that is asked for and is not right concerns its field, which the server does not name: a
// login must not say which of the two is wrong.
function atOld(error: unknown, pointer: string) {
  const problem = problemOf(error);
  if (problem?.code !== wrongPassword || problem.fields?.length) return error;
  return new ApiError({ ...problem, fields: [{ pointer, detail: problem.detail }] });
}

export function PasswordDialog({ title, help, isOwn, send, onClose }: Props) {
  const word = useWords(own);
  const [given, setGiven] = useState("");
  const [old, setOld] = useState("");
  const pointer = isOwn ? "/new_password" : "/password";
  const oldPointer = "/password"; // of one's own alone
  const submit = async () => {
    try {
      await send(given || null, old);
    } catch (refused) {
      throw isOwn ? atOld(refused, oldPointer) : refused;
    }
  };
  return (
    <Question
      title={title}
      ok={word.change}
      pointers={[pointer, oldPointer]}
      isReady={!isOwn || (given !== "" && old !== "")}
      send={submit}
      onClose={onClose}
    >
      {(problems) => (
        <>
          {isOwn && (
            <Form.Item label={word.old} htmlFor="old-password" {...wrongAt(problems, oldPointer)}>
              <Input.Password
                id="old-password"
                autoComplete="current-password"
                value={old}
                onChange={(event) => setOld(event.target.value)}
              />
            </Form.Item>
          )}
          <Form.Item
            label={word.given}
            htmlFor="new-password"
            {...wrongAt(problems, pointer)}
            extra={
              <>
                {!isOwn && word.made} {help}
              </>
            }
          >
            <Input.Password
              id="new-password"
              autoComplete="new-password"
              value={given}
              onChange={(event) => setGiven(event.target.value)}
            />
          </Form.Item>
        </>
      )}
    </Question>
  );
}

// A button for each account, and the dialog of the one that was chosen.
export function usePasswords(one: Path, help: (name: string) => ReactNode) {
  const word = useWords(own);
  const act = useAction();
  const show = useSecret();
  const [name, setName] = useState<string>();
  const send = async (password: string | null) => {
    const answer = await api.patch<{ password?: string }>(one, { parts: { name: name! }, body: { password } });
    await act(async () => undefined, word.changed(name!));
    if (answer.password && answer.password !== "***") show(word.of(name!), answer.password);
  };
  return {
    button: (of: string) => (
      <Button size="small" aria-label={`${word.change}: ${of}`} onClick={() => setName(of)}>
        {word.change}
      </Button>
    ),
    dialog: name !== undefined && (
      <PasswordDialog title={word.of(name)} help={help(name)} send={send} onClose={() => setName(undefined)} />
    ),
  };
}
