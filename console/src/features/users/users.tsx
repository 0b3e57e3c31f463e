import { counted } from "../../api/counted";
import { schemaOf } from "../../api/documents";
import { Crud } from "../../components/crud";
import { number } from "../../components/format";
import { usePasswords } from "../../components/password";
import { useLanguage, useWords, words } from "../../words/language";

const own = words(
  {
    title: "Users",
    help: "MQTT users: who may connect. What they may do is said by policies. Administrators are something else.",
    create: "New user",
    empty: "Make a user for each kind of device and for each integration, then a policy that allows it something.",
    deletion: (sessions: string, connected: string, waiting: string) =>
      `Sessions of this user: ${sessions}, connected now: ${connected}. They end at once, with their subscriptions, wills and ${waiting} waiting messages.`,
    naming: (names: string) => `Policies that name it stay: ${names}.`,
    changed: "Who is connected stays so.",
    secret: "Password of",
  },
  {
    title: "用户",
    help: "MQTT 用户：谁可以连接。能做什么由策略决定。管理员是另一回事。",
    create: "新建用户",
    empty: "为每类设备和每个集成各建一个用户，再用策略授予权限。",
    deletion: (sessions: string, connected: string, waiting: string) =>
      `该用户的会话：${sessions}，当前在线：${connected}。它们会立即结束，订阅、遗嘱和 ${waiting} 条待投递消息一并清除。`,
    naming: (names: string) => `提到它的策略保留：${names}。`,
    changed: "已连接的客户端不受影响。",
    secret: "密码：",
  },
);

interface User {
  name: string;
  description: string;
  password?: string;
}

export default function Users() {
  const word = useWords(own);
  const language = useLanguage();
  const passwords = usePasswords("/users/{name}", word.changed);
  const deletion = async ({ name }: User) => {
    const [sessions, policies] = await Promise.all([
      counted<{ status: string; lag_messages: number }>("/clients", { username: name }),
      counted<{ name: string; users: string[] }>("/policies", {}, ({ users }) => users.includes(name)),
    ]);
    const connected = sessions.items.filter(({ status }) => status === "connected").length;
    const waiting = sessions.items.reduce((sum, { lag_messages: lag }) => sum + (lag ?? 0), 0);
    return (
      <>
        <p>{word.deletion(sessions.text, number(connected, language), number(waiting, language))}</p>
        {policies.items.length > 0 && <p>{word.naming(policies.items.map((policy) => policy.name).join(", "))}</p>}
      </>
    );
  };
  return (
    <>
      <Crud<User>
      title={word.title}
      help={word.help}
      create={word.create}
      empty={word.empty}
      path="/users"
      one="/users/{name}"
      createSchema={schemaOf("createUser")}
      columns={[]}
      deletion={deletion}
        secret="password"
        secretTitle={word.secret}
        onlyNew={["password"]}
        more={({ name }) => passwords.button(name)}
      />
      {passwords.dialog}
    </>
  );
}
