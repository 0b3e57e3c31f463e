import { Button, Tag } from "antd";
import { useState } from "react";
import { api } from "../../api/client";
import { schemaOf } from "../../api/documents";
import { useLive } from "../../api/live";
import { changeOwnPassword, useSession } from "../../api/session";
import { useAction } from "../../components/action";
import { Crud } from "../../components/crud";
import { number } from "../../components/format";
import { PasswordDialog, usePasswords } from "../../components/password";
import type { Document } from "../../components/schema_form/schema_form";
import { common } from "../../words/common";
import { useLanguage, useWords, words } from "../../words/language";
import { valueWord } from "../../words/values";

const own = words(
  {
    title: "Administrators",
    help: "Accounts of this console, REST and the command line. A viewer reads; an operator acts on what there is; an administrator does everything.",
    create: "New administrator",
    empty: "",
    role: "Role",
    logins: "Logins",
    tokens: "Tokens",
    deletion: (logins: string, tokens: string) =>
      `Its logins end at once: ${logins}, and its tokens: ${tokens}. The audit keeps what it did.`,
    changed: (logins: string) => `Logins of the account that end at once: ${logins}.`,
    tokensStay: (tokens: string) => `Its tokens stay: ${tokens}. They may no more than the new role does.`,
    you: "It is the account that you are logged in with: you have to log in again.",
    own: "Change my password",
    ownChanged: (logins: string) => `Other logins of your account that end: ${logins}.`,
    secret: "Password of",
  },
  {
    title: "管理员",
    help: "本控制台、REST 和命令行的账号。viewer 只读；operator 可操作现有对象；administrator 可做任何事。",
    create: "新建管理员",
    empty: "",
    role: "角色",
    logins: "登录数",
    tokens: "令牌数",
    deletion: (logins: string, tokens: string) =>
      `它的登录立即失效：${logins} 个；令牌也是：${tokens} 个。审计保留其操作记录。`,
    changed: (logins: string) => `该账号立即失效的登录：${logins} 个。`,
    tokensStay: (tokens: string) => `它的令牌保留：${tokens} 个，权限不超过新角色。`,
    you: "这是您当前登录的账号：您需要重新登录。",
    own: "修改我的密码",
    ownChanged: (logins: string) => `您账号将失效的其他登录：${logins} 个。`,
    secret: "密码：",
  },
);

interface Administrator {
  name: string;
  role: string;
  description: string;
  password?: string;
  logins: number;
  tokens: number;
}

const one = "/administrators/{name}";
const asItIs = (name: string) => api.get<Administrator>(one, { parts: { name } });

// What another password ends, as a number that moves.
function Ends({ name, isOwn }: { name: string; isOwn?: boolean }) {
  const word = useWords(own);
  const language = useLanguage();
  const logins = useLive<Administrator>(one, { parts: { name } }).data?.logins;
  if (!isOwn) return word.changed(number(logins, language));
  return word.ownChanged(number(logins && logins - 1, language)); // this one goes on
}

export default function Administrators() {
  const word = useWords(own);
  const language = useLanguage();
  const all = useWords(common);
  const { user } = useSession();
  const act = useAction();
  const passwords = usePasswords(one, (name) => <Ends name={name} />);
  const [isOwn, setOwn] = useState(false);
  const changeOwn = async (given: string | null, old: string) => {
    await changeOwnPassword(old, given);
    await act(async () => undefined, all.done);
  };
  // Another role or password ends logins; a role takes rights from tokens, too.
  const saving = async (_: unknown, changes?: { name: string; patch: Document }) => {
    if (!changes || !("role" in changes.patch || "password" in changes.patch)) return null;
    const { name, logins, tokens } = await asItIs(changes.name);
    return (
      <>
        {name === user && <p>{word.you}</p>}
        <p>{word.changed(number(logins, language))}</p>
        {"role" in changes.patch && tokens > 0 && <p>{word.tokensStay(number(tokens, language))}</p>}
      </>
    );
  };
  const deletion = async ({ name }: Administrator) => {
    const { logins, tokens } = await asItIs(name);
    return word.deletion(number(logins, language), number(tokens, language));
  };
  return (
    <>
      <Crud<Administrator>
      title={word.title}
      help={word.help}
      create={word.create}
      empty={word.empty}
      path="/administrators"
      one={one}
      createSchema={schemaOf("createAdministrator")}
      filters={[
        { name: "name_contains", label: all.name, isWhole: false },
        { name: "role", label: word.role, options: ["viewer", "operator", "administrator"] },
      ]}
      columns={[
        { title: word.role, render: (_, { role }) => <Tag>{valueWord(role, language)}</Tag> },
        { title: word.logins, align: "right", render: (_, { logins }) => number(logins, language) },
        { title: word.tokens, align: "right", render: (_, { tokens }) => number(tokens, language) },
      ]}
      saving={saving}
      deletion={deletion}
        secret="password"
        secretTitle={word.secret}
        onlyNew={["password"]}
        more={({ name }) => name !== user && passwords.button(name)}
        actions={<Button onClick={() => setOwn(true)}>{word.own}</Button>}
      />
      {passwords.dialog}
      {isOwn && (
        <PasswordDialog
          isOwn
          title={word.own}
          help={<Ends isOwn name={user} />}
          send={changeOwn}
          onClose={() => setOwn(false)}
        />
      )}
    </>
  );
}
