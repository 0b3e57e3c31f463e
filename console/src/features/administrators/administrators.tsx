import { Button, Tag } from "antd";
import { useState } from "react";
import { counted } from "../../api/counted";
import { schemaOf } from "../../api/documents";
import { changeOwnPassword, useSession } from "../../api/session";
import { useAction } from "../../components/action";
import { Crud } from "../../components/crud";
import { PasswordDialog, usePasswords } from "../../components/password";
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
    deletion: (tokens: string) => `Its logins end at once, and its tokens: ${tokens}. The audit keeps what it did.`,
    changed: "Logins of the account end at once.",
    own: "Change my password",
    ownChanged: "All other logins of your account end.",
    secret: "Password of",
  },
  {
    title: "管理员",
    help: "本控制台、REST 和命令行的账号。viewer 只读；operator 可操作现有对象；administrator 可做任何事。",
    create: "新建管理员",
    empty: "",
    role: "角色",
    deletion: (tokens: string) => `它的登录立即失效，令牌也是：${tokens} 个。审计保留其操作记录。`,
    changed: "该账号的登录立即失效。",
    own: "修改我的密码",
    ownChanged: "您账号的其他登录都会失效。",
    secret: "密码：",
  },
);

interface Administrator {
  name: string;
  role: string;
  description: string;
  password?: string;
}

export default function Administrators() {
  const word = useWords(own);
  const language = useLanguage();
  const all = useWords(common);
  const { user } = useSession();
  const act = useAction();
  const passwords = usePasswords("/administrators/{name}", word.changed);
  const [isOwn, setOwn] = useState(false);
  const changeOwn = async (given: string | null, old: string) => {
    await changeOwnPassword(old, given);
    await act(async () => undefined, all.done);
  };
  return (
    <>
      <Crud<Administrator>
      title={word.title}
      help={word.help}
      create={word.create}
      empty={word.empty}
      path="/administrators"
      one="/administrators/{name}"
      createSchema={schemaOf("createAdministrator")}
      filters={[
        { name: "name_contains", label: all.name, isWhole: false },
        { name: "role", label: word.role, options: ["viewer", "operator", "administrator"] },
      ]}
      columns={[
        { title: word.role, render: (_, { role }) => <Tag>{valueWord(role, language)}</Tag> },
      ]}
      deletion={async ({ name }) => word.deletion((await counted("/tokens", { owner: name })).text)}
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
          help={word.ownChanged}
          send={changeOwn}
          onClose={() => setOwn(false)}
        />
      )}
    </>
  );
}
